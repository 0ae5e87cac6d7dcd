// A daemon of another release: what is missing is told, and a newer one is found when it is there.
import assert from "node:assert/strict";
import test from "node:test";

import { skip, withEditor } from "../editor.mjs";
import { World } from "../world.mjs";

async function withRelease(how, use) {
  const { OtherRelease } = await import("../release.mjs");
  const world = new World();
  const release = await OtherRelease.begin(world, how);
  try {
    world.stack("shop", ["a: { type: command, apply: 'echo done' }"]);
    await withEditor(world, {}, (editor) => use(editor, release, world));
  } finally {
    release.end();
    world.end();
  }
}

test("a daemon that cannot tell what changes is named as older, and its successor is found without asking", { skip }, async () => {
  await withRelease({ speaks: true }, async (editor, release, world) => {
    await editor.notification("Cannot follow what changes: the daemon is older than this extension; run `deployer daemon restart`").waitFor();
    await editor.status("deployer: sign in").waitFor();
    await editor.picture("older-daemon");
    assert.ok(release.calls.includes("List"), "what it can tell is shown");
    release.end();
    world.signIn(world.platform());
    await editor.status("web-team").waitFor();
  });
});

test("a daemon of another protocol is refused with what to do, and its successor is found without asking", { skip }, async () => {
  await withRelease({ speaks: false }, async (editor, release, world) => {
    await editor.notification("Cannot start the daemon: the daemon is older than its caller; run `deployer daemon restart`").waitFor();
    await editor.status("deployer: refused").waitFor();
    await editor.picture("other-protocol");
    release.end();
    world.run(["daemon", "start"]);
    await editor.status("deployer: sign in").waitFor();
  });
});
