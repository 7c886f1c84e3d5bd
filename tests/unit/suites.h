/* The list of unit test suites: SUITE(object) for each test_<object>.c, which defines
 * Suite *suite_<object>(void). Included several times with another meaning of SUITE; included
 * without one it declares the functions. */
#ifndef SUITE
#define SUITE(name) Suite *suite_##name(void);
#define SUITE_DECLARES
#endif

SUITE(account)
SUITE(archive)
SUITE(backup)
SUITE(chunk)
SUITE(db)
SUITE(digest)
SUITE(error)
SUITE(favorite)
SUITE(files)
SUITE(flow)
SUITE(fsck)
SUITE(fsck_kept)
SUITE(group)
SUITE(guard)
SUITE(html)
SUITE(key)
SUITE(ldif)
SUITE(links)
SUITE(listing)
SUITE(lock)
SUITE(login)
SUITE(mail)
SUITE(message)
SUITE(mounts)
SUITE(multipart)
SUITE(multistatus)
SUITE(names)
SUITE(notification)
SUITE(oauth2)
SUITE(oauth2_client)
SUITE(ocs_params)
SUITE(owed)
SUITE(plans)
SUITE(password)
SUITE(person)
SUITE(propreq)
SUITE(props)
SUITE(retention)
SUITE(rewind)
SUITE(scan)
SUITE(scan_odd)
SUITE(second)
SUITE(secret)
SUITE(session)
SUITE(settings)
SUITE(share)
SUITE(sharees)
SUITE(signedurl)
SUITE(skeleton)
SUITE(trash)
SUITE(trash_share)
SUITE(upload)
SUITE(upload_crash)
SUITE(versions)
SUITE(xmlbody)

#ifdef SUITE_DECLARES
#undef SUITE
#undef SUITE_DECLARES
#endif
