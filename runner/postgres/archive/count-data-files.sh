# Counts the rows in the data files of an archive, several files at a time. The standard input is a file that names those
# which are left out, each in a line. Pipes can be ended by a signal, so this must not
# run where the first process of the container is a server.
#
# Arguments: the folder; the number of processes; the script that counts the rows of some files; and suffixes of compressed
# files, each followed by the command that decompresses them.
cd "$1" || exit
exec 3<&0
processes=$2 count_rows=$3
shift 3

for file in [0-9]*.dat*; do break; done
decompress="cat"
while [ $# -gt 1 ]; do
  case $file in *"$1") decompress=$2 ;; esac
  shift 2
done
export decompress

{
  command -v "${decompress%% *}" && command -v awk && command -v grep && find . -prune -size -1 && echo | xargs -r -P 2 -n 1 true
} >/dev/null 2>&1 || {
  echo 'no programs'
  exit
}

# count FILES_AT_ONCE [CONDITION...]
count() {
  files=$1
  shift
  # shellcheck disable=SC2038
  find . -name '[0-9]*.dat*' "$@" | grep -vxFf /dev/fd/3 | xargs -r -P "$processes" -n "$files" sh -c "$count_rows" sh
}

# A file of 8 MiB (16384 blocks) is worth a process of its own. What a process writes about 64 small ones is short enough to
# go through a pipe in one piece.
count 1 -size +16384
count 64 ! -size +16384
:
