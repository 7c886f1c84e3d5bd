# What build/run and build/check share. Sourced by bash.

CLOUD_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
export CLOUD_SRC

PACKAGES_BUILD=(gcc libc6-dev make autoconf automake libtool pkg-config apache2-bin apache2-dev
    libsqlite3-dev libssl-dev libutf8proc-dev libjansson-dev libqrencode-dev libpng-dev libturbojpeg0-dev zlib1g-dev libcrypt-dev openssl curl
    media-types)
PACKAGES_CHECK=(check python3-pytest python3-pytest-xdist python3-requests
    owncloud-client-cmd owncloud-client-data nextcloud-desktop-cmd rclone davfs2 cadaver litmus clang libclang-rt-14-dev apache2-utils
    sqlite3 strace slapd ldap-utils libapache2-mod-auth-openidc libapache2-mod-auth-gssapi krb5-kdc
    krb5-admin-server krb5-user chromium chromium-driver python3-selenium zbar-tools unzip libarchive-tools)
# Node.js may come from elsewhere than Debian, with npm in it
command -v npm >/dev/null || PACKAGES_CHECK+=(nodejs npm)

# The modules of httpd that a server of ours loads: what a stock Debian host has, and mod_dav.
HTTPD_LOAD=(authn_core authn_file authz_core authz_host authz_user auth_basic access_compat alias
    autoindex deflate dir env filter headers mime negotiation reqtimeout setenvif status dav)

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# need_packages NAME... installs what is missing, or says what to install.
need_packages() {
    local name missing=()

    command -v dpkg-query >/dev/null || return 0 # not Debian: configure says what it misses
    for name; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] \
            || missing+=("$name")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    [ "$(id -u)" -eq 0 ] \
        || die "these packages are missing: ${missing[*]}
Install them (apt-get install ${missing[*]}), or run this as root once."
    say "Installing packages: ${missing[*]}"
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)
    "${apt[@]}" install --no-install-recommends "${missing[@]}" >"$CLOUD_SRC/var/apt.log" 2>&1 \
        || { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "${missing[@]}"; } \
            >"$CLOUD_SRC/var/apt.log" 2>&1 \
        || { tail -n 20 "$CLOUD_SRC/var/apt.log" >&2; die "the packages could not be installed"; }
}

# build_tree DIR [CONFIGURE-OPTION...] configures and builds outside the source tree. CC and CFLAGS
# of the environment count. Nothing is printed unless it fails.
build_tree() {
    local dir=$1 log=$1/build.log stamp="$CLOUD_SRC/var/.autogen"
    shift
    mkdir -p "$dir"
    (
        flock 9
        if [ ! -x "$CLOUD_SRC/configure" ] || [ ! -e "$stamp" ] || [ -n "$(find "$CLOUD_SRC"/configure.ac \
            "$CLOUD_SRC"/Makefile.am "$CLOUD_SRC"/build/m4/apache.m4 "$CLOUD_SRC"/tools/sources.am \
            "$CLOUD_SRC"/modules "$CLOUD_SRC"/tests -name '*.a[mc]' -newer "$stamp")" ]; then
            "$CLOUD_SRC/build/autogen.sh" >"$log" 2>&1 || exit 1
            touch "$stamp"
        fi
        if [ ! -e "$dir/Makefile" ] || [ "$CLOUD_SRC/configure" -nt "$dir/config.status" ] \
            || [ "$(cat "$dir/configured" 2>/dev/null)" != "${CC:-} ${CFLAGS:-} $*" ]; then
            [ ! -e "$dir/Makefile" ] || make -s -C "$dir" clean >/dev/null 2>&1 || :
            (cd "$dir" && "$CLOUD_SRC/configure" -q --disable-maintainer-mode "$@") >"$log" 2>&1 || exit 1
            printf '%s\n' "${CC:-} ${CFLAGS:-} $*" >"$dir/configured"
        fi
    ) 9>"$CLOUD_SRC/var/.lock" \
        || { tail -n 40 "$log" >&2; say "$dir could not be configured" >&2; return 1; }
    make_in "$dir" -j "$(nproc)"
}

# make_in DIR ARGUMENT... runs make there, one at a time. Nothing is printed unless it fails.
make_in() {
    local dir=$1
    shift
    flock "$dir/.make" make -s -C "$dir" "$@" >>"$dir/build.log" 2>&1 \
        || { tail -n 40 "$dir/build.log" >&2; say "the build in $dir failed" >&2; return 1; }
}

# fill TEMPLATE NAME=VALUE... prints the template with each @NAME@ replaced.
fill() {
    local text name value pair
    text=$(<"$1")
    shift
    for pair; do
        name=${pair%%=*} value=${pair#*=}
        text=${text//"@$name@"/"$value"}
    done
    printf '%s\n' "$text"
}

# load_modules DIR NAME... prints LoadModule lines for those that httpd has as shared objects.
load_modules() {
    local dir=$1 name
    shift
    for name; do
        [ -e "$dir/mod_$name.so" ] && printf 'LoadModule %s_module %s/mod_%s.so\n' "$name" "$dir" "$name"
    done
}

umask 022
mkdir -p "$CLOUD_SRC/var"
