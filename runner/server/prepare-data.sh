# Makes an empty folder for the data of a server. Arguments: the folder.
set -e
mkdir -p "$1"
chown postgres "$1"
chmod 700 "$1"
cd "$1"
rm -rf ./* .[!.]*
