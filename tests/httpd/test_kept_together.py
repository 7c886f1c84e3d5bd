"""Many writers at the same few names of a shared folder, by all verbs: whatever was acknowledged is a
file, an old version or in the trash afterwards. Ages take nothing away here: on a server of its own."""

import random
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import trees
from harness.shares import ALL, share

KEEP = "CloudVersionsRetention disabled\nCloudTrashRetention disabled\n"
WRITERS = 6
TURNS = 40
FILES = ("team/one", "team/two", "team/sub/one", "team/sub/deep/one", "own")
FOLDERS = ("team/sub", "team/sub/deep", "team/other")
#: What who comes too late is told: gone, no such folder above it, a condition, in use
LATE = {403, 404, 405, 409, 412, 423}
#: A MOVE out of the shared folder is a copy, which is given up when others write to the original three times meanwhile
GIVEN_UP = {"MOVE": {503}}


class Writer:
    """Does things by chance, in turn as each of some people; its seed says what."""

    def __init__(self, people, seed):
        self.people = [(who, who.session()) for who in people]
        self.chance = random.Random(seed)
        self.seed = seed
        self.written = []       # the contents that the server has acknowledged
        self.turn = 0

    def dav(self, *args, **kwargs):
        answer = self.who.dav(*args, session=self.session, **kwargs)
        expected = {200, 201, 204, 207} | LATE | GIVEN_UP.get(args[0], set())
        assert answer.status_code in expected, (args, answer.text)
        return answer

    def content(self):
        return f"writer {self.seed}, turn {self.turn}".encode()

    def written_by(self, answer, content):
        if answer.status_code in (201, 204):
            self.written.append(content)

    def put(self):
        content = self.content()
        self.written_by(self.dav("PUT", self.chance.choice(FILES), data=content), content)

    def put_what_it_saw(self):
        name, content = self.chance.choice(FILES), self.content()
        etag = self.dav("HEAD", name).headers.get("ETag")
        condition = {"If-Match": etag} if etag else {"If-None-Match": "*"}
        self.written_by(self.dav("PUT", name, data=content, headers=condition), content)

    def put_in_chunks(self):
        upload, content = f"upload-{self.seed}-{self.turn}", self.content()
        self.dav("MKCOL", upload, "uploads")
        self.dav("PUT", f"{upload}/1", "uploads", data=content[:9])
        self.dav("PUT", f"{upload}/2", "uploads", data=content[9:])
        self.written_by(self.dav("MOVE", f"{upload}/.file", "uploads",
                                 destination=self.chance.choice(FILES)), content)

    def transfer(self):
        names = self.chance.choice((FILES, FOLDERS))
        self.dav(self.chance.choice(("MOVE", "COPY")), self.chance.choice(names),
                 destination=self.chance.choice(names), overwrite=True)

    def delete(self):
        self.dav("DELETE", self.chance.choice(FILES + FOLDERS))

    def make_folders(self):
        for name in FOLDERS:
            self.dav("MKCOL", name)

    def bring_back(self):
        listed = self.dav("PROPFIND", "", "trash-bin", depth=1).text
        ids = re.findall(rf"trash-bin/{self.who.id}/(\d+)", listed)
        if ids:
            self.dav("MOVE", self.chance.choice(ids), "trash-bin", dest_space="files",
                     destination=self.chance.choice(FILES), overwrite=True)

    TURNS = (put, put, put, put_what_it_saw, put_in_chunks, transfer, transfer, delete, make_folders,
             bring_back)

    def run(self):
        for self.turn in range(TURNS):
            self.who, self.session = self.chance.choice(self.people)
            self.chance.choice(self.TURNS)(self)
        return self.written


@pytest.fixture(name="people")
def fixture_people(new_env):
    env = new_env()
    env.config(KEEP)
    env.start()
    owner, *receivers = people = [env.account() for _ in range(3)]
    for name in ("team", *FOLDERS):
        owner.mkcol(name)
    for receiver in receivers:
        share(owner, "team", receiver, permissions=ALL)
    return people


@pytest.mark.parametrize("killed", (False, True), ids=("running", "killed after"))
def test_all_that_was_acknowledged_is_kept(people, killed):
    env = people[0].env
    with ThreadPoolExecutor(WRITERS) as pool:
        done = list(pool.map(Writer.run, [Writer(people, seed) for seed in range(WRITERS)]))
    if killed:
        env.kill()
        env.start()
    written = [content for one in done for content in one]
    assert len(written) > WRITERS  # how many are in time is chance
    on_disk = trees.contents(env.data / "accounts")
    assert [content for content in written if content not in on_disk] == []
    found = env.cloudctl("fsck").stdout
    assert " 0 findings" in found, found
