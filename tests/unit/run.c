/* Runs the unit tests: all suites, or those named on the command line.
 * CK_FORK=no runs them in one process (for a debugger). */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "suites.h"

static const struct {
    const char *name;
    Suite *(*make)(void);
} suites[] = {
#define SUITE(name) { #name, suite_##name },
#include "suites.h"
#undef SUITE
    { NULL, NULL }
};

static int wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], name)) {
            return 1;
        }
    }
    return argc < 2;
}

int main(int argc, char **argv)
{
    SRunner *runner = srunner_create(suite_create("mod_cloud"));
    int failed;

    if (apr_initialize() != APR_SUCCESS) {
        fprintf(stderr, "apr_initialize failed\n");
        return EXIT_FAILURE;
    }
    atexit(apr_terminate);
    for (int i = 1; i < argc; i++) {
        int known = 0;
        for (int s = 0; suites[s].name; s++) {
            known |= !strcmp(argv[i], suites[s].name);
        }
        if (!known) {
            fprintf(stderr, "no suite is called %s\n", argv[i]);
            return EXIT_FAILURE;
        }
    }
    for (int s = 0; suites[s].name; s++) {
        if (wanted(suites[s].name, argc, argv)) {
            srunner_add_suite(runner, suites[s].make());
        }
    }
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
