# Prints the folder, relative to the first, and the version of each server whose data is below a folder. Arguments: the folder.
find "$1" -maxdepth 5 -name base -prune -o -path '*/global/pg_control' -print | while read -r control; do
  folder=${control%/global/pg_control}
  printf '%s %s\n' "$(cat "$folder/PG_VERSION")" "${folder#"$1"}"
done
