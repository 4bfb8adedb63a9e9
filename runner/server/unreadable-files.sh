# Prints the files that this user cannot read. Arguments: the files.
for file; do
  test -r "$file" || echo "$file"
done
