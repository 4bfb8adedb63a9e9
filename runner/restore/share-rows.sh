# Prints one of several shares of the rows in a data file of the folder $POSTGIS_BACKUP_FOLDER. Three lines follow the last
# row of a file, and no session may get these.
#
# Arguments: the file; the share, such as 2/4; and the command that decompresses the file.
file=$POSTGIS_BACKUP_FOLDER/$1 share=$2
shift 2
"$@" "$file" | head -n -3 | split -n "r/$share" || exit 1
