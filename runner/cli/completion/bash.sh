# shellcheck disable=all
# Completion of postgis-backup in bash. To use it: source <(postgis-backup completion bash)
_postgis_backup() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
    :files) compopt -o default ;;
    *) COMPREPLY+=("${line%%$'\t'*}") ;;
    esac
  done < <("${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _postgis_backup postgis-backup
