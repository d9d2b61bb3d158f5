#!/usr/bin/env bash
# A copy of this machine, to which the Vagrantfile's steps are done: `vagrant_machine.sh FOLDER PROJECT`, as root, in
# mount and process namespaces of its own. FOLDER has the steps as NAME.sh in `steps`, and gets what they said.
#
# All is real but for two things that would take minutes: apt-get resolves packages and installs none, and
# `make setup` puts the project's own environment in place of a new one.
set -eu
folder=$1 project=$2 root=$1/root
mkdir "$folder/upper" "$folder/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
# Wherever the project lies, below /tmp or on a disk of its own: the environment is used from there.
mkdir -p "$root$project"
mount --bind "$project" "$root$project"
mkdir -p "$root/home/vagrant/testbed" "$root/usr/local/sbin"
chroot "$root" useradd --home-dir /home/vagrant --shell /bin/bash vagrant
chown -R --reference="$root/root" "$root/home/vagrant"

cat > "$root/usr/local/sbin/apt-get" << 'END'
#!/bin/sh
echo "apt-get $*" >> /tmp/called
[ "$1" != install ] || exec /usr/bin/apt-get "$@" --simulate
exec /usr/bin/apt-get "$@"
END
cat > "$root/usr/local/sbin/make" << END
#!/bin/sh
echo "make \$*, in \$PWD" >> /tmp/called
mkdir -p .venv/bin && ln -s $project/.venv/bin/testbed .venv/bin/testbed
END
# A box lets its user do everything without a password; here the user is root already.
printf '#!/bin/sh\nexec "$@"\n' > "$root/usr/local/sbin/sudo"
chmod 755 "$root/usr/local/sbin/apt-get" "$root/usr/local/sbin/make" "$root/usr/local/sbin/sudo"

inside() { # home, command…
    home=$1
    shift
    chroot "$root" env -i HOME="$home" LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

if ! inside /root /usr/bin/apt-get update -q > "$folder/update.out" 2>&1; then
    exit 77 # Nothing to be had from apt here.
fi
cp "$folder"/steps/*.sh "$root/tmp/"
for step in kernel:/root setup:/home/vagrant modules:/root; do
    name=${step%%:*} status=0
    inside "${step#*:}" bash -l "/tmp/$name.sh" > "$folder/$name.out" 2>&1 || status=$?
    echo "$status" > "$folder/$name.status"
done
cp "$root/tmp/called" "$folder/called"
chroot "$root" env -i PATH=/usr/local/bin:/usr/bin:/bin bash -c 'testbed --version' > "$folder/version.out" 2>&1
