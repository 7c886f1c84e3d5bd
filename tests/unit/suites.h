/* The list of unit test suites: SUITE(object) for each test_<object>.c, which defines
 * Suite *suite_<object>(void). Included several times with another meaning of SUITE. */
