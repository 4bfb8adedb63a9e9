# Makes the data of an empty server, with the options that the image takes from POSTGRES_INITDB_ARGS. Arguments: the folder.
data=$1
eval "set -- ${POSTGRES_INITDB_ARGS:-}"
exec initdb --pgdata="$data" --username=postgres --auth=trust --no-sync "$@"
