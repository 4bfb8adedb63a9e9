# Succeeds if the image has PostGIS.
for file in "$(pg_config --sharedir)/extension/postgis.control" /usr/share/postgresql/*/extension/postgis.control \
  /usr/local/share/postgresql/extension/postgis.control; do
  [ ! -e "$file" ] || exit 0
done
exit 1
