# Prints the version of pg_dump, then whether it was built with a method of compression. It checks that before it connects to
# the server, and it must not find the server: this is not the time for a dump.
#
# Arguments: the compression.
pg_dump --version || exit
{ PGHOST=/nonexistent pg_dump --compress="$1" >/dev/null; } 2>&1
exit 0
