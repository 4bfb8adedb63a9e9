# Compresses rows, which come on standard input, into a file of the folder $POSTGIS_BACKUP_FOLDER. An archive has three more
# lines after the last row of a table.
#
# Arguments: the file; "rows" or "end"; and the command that compresses.
umask 077
file=$POSTGIS_BACKUP_FOLDER/$1 content=$2
shift 2
case $content in
  rows) "$@" >"$file" ;;
  end) { cat && printf '\\.\n\n\n'; } | "$@" >"$file" ;;
esac || exit 1
