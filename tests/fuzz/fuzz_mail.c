/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Mails: whatever is in names and texts, the headers stay those that they are, and lines their length. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "message.h"
#include "text.h"

#define CHECK(what) do { if (!(what)) abort(); } while (0)

static const char *const HEADERS[] = {
    "From: ", "To: ", "Subject: ", "Date: ", "Message-ID: ", "Auto-Submitted: ", "MIME-Version: ",
    "Content-Type: ", "Content-Transfer-Encoding: ",
};
#define NHEADERS (sizeof HEADERS / sizeof *HEADERS)

/* All headers once, in order; gives where the text begins. */
static const char *check_headers(const char *mail)
{
    size_t i = 0;

    while (*mail != '\n') {
        const char *end = strchr(mail, '\n'), *c;

        CHECK(end && end - mail <= 78);
        if (*mail != ' ') {
            CHECK(i < NHEADERS && strncmp(mail, HEADERS[i], strlen(HEADERS[i])) == 0);
            i++;
        }
        for (c = mail; c < end; c++) CHECK(*c >= ' ' && *c < 0x7f);
        mail = end + 1;
    }
    CHECK(i == NHEADERS);
    return mail + 1;
}

static void check_text(const char *text)
{
    while (*text) {
        const char *end = strchr(text, '\n'), *c;

        CHECK(end && end - text <= 76);
        CHECK(*text != '.' && strncmp(text, "From ", 5) != 0);
        for (c = text; c < end; c++) CHECK((*c >= ' ' && *c < 0x7f) || *c == '\t');
        CHECK(end == text || (end[-1] != ' ' && end[-1] != '\t'));
        text = end + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t *root;
    cloud_message_t m = { .to = "a@example.org", .from = "b@example.org", .id = "1" };
    const char *parts[4];
    apr_pool_t *pool;
    char *text;
    size_t i;

    if (!root) {
        apr_initialize();
        apr_pool_create(&root, NULL);
    }
    apr_pool_create(&pool, root);
    text = apr_pstrmemdup(pool, (const char *)data, size);
    for (i = 0; i < size; i++)
        if (!text[i]) text[i] = '\x01';
    for (i = 0; i < 4; i++) parts[i] = text + size * i / 4;
    m.from_name = parts[3];
    m.to_name = parts[2];
    m.subject = parts[1];
    m.text = parts[0];
    check_text(check_headers(cloud_message_text(&m, pool)));
    if (cloud_message_address_ok(text)) CHECK(!strpbrk(text, " \r\n,;<>()\"\\:[]"));
    CHECK(strlen(cloud_text_line(text, 3, pool)) <= 3 * 4);
    apr_pool_destroy(pool);
    return 0;
}
