# shellcheck disable=all
# Completion of postgis-backup in zsh. To use it: source <(postgis-backup completion zsh)
_postgis_backup() {
  local line
  local -a found
  for line in "${(@f)$("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == :files ]]; then
      _files
      return
    fi
    [[ -n $line ]] && found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
  done
  (( ${#found} )) && _describe postgis-backup found
}
compdef _postgis_backup postgis-backup
