# Counts the rows in some data files of an archive. Rows are lines, and three more lines follow the last row of a file: `\.`
# and two empty ones. So a file that was cut off is noticed, and so is a decompressor that failed, which adds a line.
#
# Arguments: the files. The variable `decompress` is the command that decompresses them.
{
  # shellcheck disable=SC2086,SC2154
  $decompress "$@" || echo
} | awk -v files="$*" '
/^\\\.$/ { rows = rows sprintf(" %.0f", NR - end - 1); end = NR + 2 }
END { printf "%s:%s%s\n", files, rows, NR == end ? "" : " cut" }'
