# Arguments: the public key that may log in; options of sshd, whose other settings are its defaults, not those of a distribution.
mkdir -p /run/sshd /root/.ssh
chmod 700 /root/.ssh
echo "$1" >/root/.ssh/authorized_keys
shift
[ -f /host_key ] || ssh-keygen -q -t ed25519 -N "" -f /host_key
exec /usr/sbin/sshd -D -e -f /dev/null -h /host_key -o LogLevel=VERBOSE "$@"
