// What there is, who works on it, and what happens when the daemon goes and comes back.
import assert from "node:assert/strict";
import test from "node:test";

import { skip, withEditor } from "../editor.mjs";
import { until, World } from "../world.mjs";

const SHOP = ["a: { type: command, apply: 'echo done', check: 'test ! -e ../ill' }", "b: { type: command, dependsOn: [s.a], apply: 'echo b' }"];

function scene() {
  const world = new World();
  const secret = world.platform();
  world.signIn(secret);
  world.stack("shop", SHOP);
  return { world, secret };
}

test("contexts, stacks, environments, components, health and locks are shown, and locks come and go by themselves", { skip }, async () => {
  const { world } = scene();
  try {
    world.run(["apply", "--stack", "shop", "--environment", "development", "--yes"]);
    await withEditor(world, {}, async (editor) => {
      await editor.showView();
      await editor.row("web-team").waitFor();
      await editor.row("admin").waitFor();
      await editor.row("production").filter({ hasText: "not deployed" }).waitFor();
      const development = editor.row("development");
      await editor.expand(development);
      await editor.row("s.a").filter({ hasText: "Healthy" }).waitFor();
      await editor.picture("tree");

      world.write("ill", "");
      await editor.command("deployer: Look at the health");
      await editor.choose("development", "environment");
      await editor.row("s.a").filter({ hasNotText: "Healthy" }).waitFor();
      await editor.notification("shop/development: s.a").waitFor();
      await editor.picture("tree-ill");

      world.begin(["lock", "run", "--stack", "shop", "--environment", "development", "--", "sh", "-c", "touch held; while [ ! -e free ]; do sleep 0.05; done"]);
      await editor.row("development").filter({ hasText: "locked by tester, alive" }).waitFor();
      await editor.status("lock run shop/development").waitFor();
      await editor.picture("tree-locked");
      world.write("free", "");
      await editor.row("development").filter({ hasText: "locked" }).waitFor({ state: "detached" });
      await editor.status("lock run shop/development").waitFor({ state: "hidden" });
    });
  } finally {
    world.end();
  }
});

test("the editor survives the daemon's restart, and starts none that its user has stopped", { skip }, async () => {
  const { world, secret } = scene();
  try {
    await withEditor(world, {}, async (editor) => {
      await editor.showView();
      await editor.row("shop").waitFor();
      world.run(["daemon", "stop", "--force"]);
      await editor.status("deployer: stopped").waitFor();
      await editor.page.getByText("The daemon is not running.").waitFor();
      await editor.picture("stopped");
      world.signIn(secret);
      await editor.row("shop").waitFor();
      await editor.status("web-team").waitFor();
      const before = world.daemonPid();
      process.kill(before, "SIGKILL");
      await editor.status("deployer: stopped").waitFor();
      await editor.command("deployer: Start the daemon");
      // Its sessions lived in its memory.
      await editor.status("deployer: sign in").waitFor();
      assert.notEqual(world.daemonPid(), before);
      world.signIn(secret);
      await editor.row("shop").waitFor();
      await editor.picture("restarted");
    });
  } finally {
    world.end();
  }
});

test("a window starts the daemon where none runs, and an idle one makes no calls", { skip }, async () => {
  const world = new World({ DEPLOYER_LOG: "debug" });
  try {
    world.stack("shop", SHOP);
    await withEditor(world, { settings: { "deployer.lookSeconds": 0 } }, async (editor) => {
      await editor.showView();
      await editor.page.getByText("Nobody is signed in on this computer.").waitFor();
      await editor.picture("nobody");
      const calls = () => (world.log().match(/called client="vscode-deployer/g) ?? []).length;
      await until("the first calls are logged", () => calls() > 1);
      const before = calls();
      const idle = 10_000;
      await new Promise((resume) => setTimeout(resume, idle));
      console.log(`calls of an idle editor in ${idle / 1000} s: ${calls() - before}`);
      assert.equal(calls(), before);
    });
  } finally {
    world.end();
  }
});
