dnl CLOUD_CHECK_APACHE
dnl Finds httpd by apxs (--with-apxs=PATH) and through it APR and APR-util.
dnl Sets HTTPD, APXS_LIBEXECDIR, HTTPD_CPPFLAGS, APR_CPPFLAGS and APR_LIBS.
AC_DEFUN([CLOUD_CHECK_APACHE], [
    AC_ARG_WITH([apxs],
        [AS_HELP_STRING([--with-apxs=PATH], [the apxs of the httpd to build for])],
        [APXS=$withval])
    AS_CASE([$APXS], [yes|no], [APXS=])
    AC_PATH_PROGS([APXS], [apxs apxs2], [], [$PATH:/usr/sbin:/usr/local/sbin:/usr/local/apache2/bin])
    AS_IF([test -z "$APXS"],
        [AC_MSG_ERROR([apxs not found: install the httpd development files (Debian: apache2-dev) or give --with-apxs=PATH])])

    cloud_apxs_includedir=`$APXS -q INCLUDEDIR`
    HTTPD_CPPFLAGS="-I$cloud_apxs_includedir"
    AC_MSG_CHECKING([for httpd])
    HTTPD=`$APXS -q SBINDIR`/`$APXS -q PROGNAME`
    AC_MSG_RESULT([$HTTPD])
    APXS_LIBEXECDIR=`$APXS -q LIBEXECDIR`
    AC_ARG_WITH([modules-dir],
        [AS_HELP_STRING([--with-modules-dir=DIR], [where the modules are installed @<:@apxs -q LIBEXECDIR@:>@])],
        [cloud_modulesdir=$withval], [cloud_modulesdir=$APXS_LIBEXECDIR])
    AC_SUBST([cloud_modulesdir])

    cloud_apr_config=`$APXS -q APR_CONFIG`
    cloud_apu_config=`$APXS -q APU_CONFIG`
    AS_IF([test -x "$cloud_apr_config"], [APR_CONFIG=$cloud_apr_config])
    AS_IF([test -x "$cloud_apu_config"], [APU_CONFIG=$cloud_apu_config])
    AC_PATH_PROGS([APR_CONFIG], [apr-1-config])
    AC_PATH_PROGS([APU_CONFIG], [apu-1-config])
    AS_IF([test -z "$APR_CONFIG" || test -z "$APU_CONFIG"],
        [AC_MSG_ERROR([apr-1-config and apu-1-config are needed (Debian: libapr1-dev, libaprutil1-dev)])])
    APR_CPPFLAGS="`$APR_CONFIG --cppflags --includes | tr '\n' ' '` `$APU_CONFIG --includes`"
    APR_LIBS="`$APU_CONFIG --link-ld` `$APR_CONFIG --link-ld`"

    cloud_save_CPPFLAGS=$CPPFLAGS
    CPPFLAGS="$CPPFLAGS $HTTPD_CPPFLAGS $APR_CPPFLAGS"
    AC_CHECK_HEADER([mod_dav.h], [],
        [AC_MSG_ERROR([mod_dav.h not found in $cloud_apxs_includedir])], [#include <httpd.h>])
    AC_MSG_CHECKING([for httpd 2.4.49 or newer])
    AC_PREPROC_IFELSE([AC_LANG_PROGRAM([[#include <ap_release.h>
        #if AP_SERVER_MAJORVERSION_NUMBER != 2 || AP_SERVER_MINORVERSION_NUMBER < 4 \
            || (AP_SERVER_MINORVERSION_NUMBER == 4 && AP_SERVER_PATCHLEVEL_NUMBER < 49)
        #error too old
        #endif]])],
        [AC_MSG_RESULT([yes])],
        [AC_MSG_RESULT([no])
         AC_MSG_ERROR([httpd 2.4.49 or newer is needed (mod_dav's method_precondition hook)])])
    CPPFLAGS=$cloud_save_CPPFLAGS

    AC_SUBST([APXS])
    AC_SUBST([HTTPD])
    AC_SUBST([APXS_LIBEXECDIR])
    AC_SUBST([HTTPD_CPPFLAGS])
    AC_SUBST([APR_CPPFLAGS])
    AC_SUBST([APR_LIBS])
])
