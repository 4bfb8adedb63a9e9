# shellcheck disable=all
# Completion of postgis-backup in fish. To use it: postgis-backup completion fish | source
function __postgis_backup
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] complete -- $words[2..-1] 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete --command postgis-backup --no-files --arguments '(__postgis_backup)'
