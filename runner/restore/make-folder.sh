# Makes the first of some folders that can be made, and prints it. Arguments: the folders.
for folder; do
  mkdir -m 700 "$folder" 2>/dev/null && printf %s "$folder" && exit
done
exit 1
