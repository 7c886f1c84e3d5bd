/* Runs the unit tests: all suites, or those named on the command line. With -j N so many suites run at
 * once, each by itself: much in them waits for the disk.
 * CK_FORK=no runs them in one process (for a debugger). */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>

#include "suites.h"

static const struct {
    const char *name;
    Suite *(*make)(void);
} suites[] = {
#define SUITE(name) { #name, suite_##name },
#include "suites.h"
#undef SUITE
};

#define SUITES ((int)(sizeof suites / sizeof *suites))
#define TIMEOUT "60" /* s, of a test that sets none itself; the processors may have other work, too */

/* What the processes that run suites share. */
typedef struct {
    int next;                    /* of wanted[] */
    int run, failures, errors;   /* tests */
} tally_t;

static int find(const char *name)
{
    for (int s = 0; s < SUITES; s++) {
        if (!strcmp(suites[s].name, name)) return s;
    }
    fprintf(stderr, "no suite is called %s\n", name);
    exit(EXIT_FAILURE);
}

static void count(tally_t *tally, SRunner *runner)
{
    TestResult **failed = srunner_failures(runner);
    int n = srunner_ntests_failed(runner), errors = 0;

    for (int i = 0; i < n; i++) errors += tr_rtype(failed[i]) == CK_ERROR;
    free(failed);
    __atomic_add_fetch(&tally->run, srunner_ntests_run(runner), __ATOMIC_RELAXED);
    __atomic_add_fetch(&tally->failures, n - errors, __ATOMIC_RELAXED);
    __atomic_add_fetch(&tally->errors, errors, __ATOMIC_RELAXED);
}

static void run_suites(tally_t *tally, const int *wanted, int n)
{
    SRunner *runner = srunner_create(suite_create("mod_cloud"));

    for (int i = 0; i < n; i++) srunner_add_suite(runner, suites[wanted[i]].make());
    srunner_run_all(runner, CK_ENV);
    count(tally, runner);
    srunner_free(runner);
    fflush(stdout);
}

/* Takes one suite after the other, until none is left. */
static int work(tally_t *tally, const int *wanted, int n)
{
    int i;

    while ((i = __atomic_fetch_add(&tally->next, 1, __ATOMIC_RELAXED)) < n)
        run_suites(tally, wanted + i, 1);
    return EXIT_SUCCESS;
}

static int run_side_by_side(tally_t *tally, const int *wanted, int n, int jobs)
{
    int status, broken = 0, total;

    for (int j = 0; j < jobs; j++) {
        pid_t pid = fork();

        if (pid == 0) exit(work(tally, wanted, n));
        if (pid < 0) {
            perror("fork");
            return EXIT_FAILURE;
        }
    }
    while (wait(&status) > 0) {
        if (status != 0) broken = 1;
    }
    if (broken) fprintf(stderr, "a process that ran suites has failed\n");
    /* As libcheck says it at the end of one run */
    total = tally->run ? 100 * (tally->run - tally->failures - tally->errors) / tally->run : 0;
    printf("%d%%: Checks: %d, Failures: %d, Errors: %d\n", total, tally->run, tally->failures,
           tally->errors);
    return broken ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    tally_t *tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                          -1, 0);
    int wanted[SUITES], n = 0, jobs = 1, option, rc = EXIT_SUCCESS;

    while ((option = getopt(argc, argv, "j:")) != -1) {
        if (option == 'j') jobs = atoi(optarg);
    }
    if (tally == MAP_FAILED || jobs < 1 || argc - optind > SUITES) {
        fprintf(stderr, "usage: run [-j N] [SUITE...]\n");
        return EXIT_FAILURE;
    }
    if (apr_initialize() != APR_SUCCESS) {
        fprintf(stderr, "apr_initialize failed\n");
        return EXIT_FAILURE;
    }
    atexit(apr_terminate);
    setenv("CK_DEFAULT_TIMEOUT", TIMEOUT, 0);
    for (int i = optind; i < argc; i++) wanted[n++] = find(argv[i]);
    for (int s = 0; optind == argc && s < SUITES; s++) wanted[n++] = s;
    if (jobs == 1) run_suites(tally, wanted, n);
    else rc = run_side_by_side(tally, wanted, n, jobs);
    return rc == EXIT_SUCCESS && tally->run && !tally->failures && !tally->errors ? EXIT_SUCCESS
                                                                                  : EXIT_FAILURE;
}
