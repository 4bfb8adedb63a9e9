# Copies the files that lie beside the data of a server: its settings, also those of ALTER SYSTEM, certificates and the like.
# Arguments: the folder of the data, and the folder to copy to.
set -e
cd "$1"
find . -maxdepth 2 \( -name base -o -name global -o -name log -o -name 'pg_*' -type d \) -prune -o \
  \( -type f -size -2048 -o -type l \) ! -name 'postmaster.*' ! -name PG_VERSION ! -name '*.signal' ! -name backup_label \
  ! -name tablespace_map -print >/tmp/postgis-backup-settings
tar -cf - -T /tmp/postgis-backup-settings | tar -xf - -C "$2"
chown -R postgres "$2"
