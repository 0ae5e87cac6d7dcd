// Plan, apply, cancel and roll back without leaving the file; the same runs in a terminal and in the editor.
import assert from "node:assert/strict";
import test from "node:test";

import * as aws from "../aws.mjs";
import { skip, withEditor } from "../editor.mjs";
import { until, World } from "../world.mjs";

/** A component that waits for a file, so that tests decide how long it takes. */
const waits = (name, more = "") => `${name}: { type: command, ${more} apply: 'echo ${name} begins; touch ${name}.began; until [ -e ${name}.go ]; do sleep 0.05; done' }`;

function scene(components) {
  const world = new World();
  world.signIn(world.platform());
  world.stack("shop", components);
  return world;
}

test("a plan is read, applied, watched and rolled back from the lenses of its file", { skip }, async () => {
  const world = scene(["a: { type: command, apply: 'echo first' }", waits("b", "dependsOn: [s.a],"), "c: { type: command, dependsOn: [s.b], apply: 'exit 3' }"]);
  try {
    await withEditor(world, {}, async (editor) => {
      await editor.showView();
      await editor.row("shop").waitFor();
      await editor.openFile("shop/stack.yaml");
      const lenses = editor.page.locator(".codelens-decoration");
      await lenses.filter({ hasText: "Roll back" }).first().waitFor();
      await editor.picture("lenses");

      await lenses.filter({ hasText: "Plan" }).nth(1).locator("a", { hasText: "Plan" }).click();
      await editor.page.locator(".tab").filter({ hasText: "apply.plan" }).waitFor();
      await editor.page.locator(".view-lines").filter({ hasText: "+ s.a (command): create" }).first().waitFor();
      await editor.picture("plan");

      await lenses.filter({ hasText: "Apply" }).nth(1).locator("a", { hasText: "Apply" }).click();
      await editor.notification("Apply shop/development? 3 to create").waitFor();
      await editor.picture("confirm");
      await editor.decide("Apply shop/development?", "Apply");
      await until("b is at work", () => world.exists("shop/b.began"));
      await editor.row("s.a", "Runs").filter({ hasText: "succeeded" }).waitFor();
      await editor.row("s.b", "Runs").filter({ hasText: "running" }).waitFor();
      await editor.row("s.c", "Runs").filter({ hasText: "[not started]" }).waitFor();
      await editor.status("apply shop/development running").waitFor();
      await editor.picture("run");

      world.write("shop/b.go", "");
      await editor.notification("apply shop/development: failed").waitFor();
      const reason = editor.row("s.c", "Runs").filter({ hasText: "failed" });
      await editor.expand(editor.row("apply shop/development", "Runs"));
      await reason.waitFor();
      assert.match(await reason.innerText(), /3/, "the engine's reason is shown");
      await editor.decide("apply shop/development: failed", "Show");
      await editor.output("s.b | b begins").waitFor();
      await editor.picture("run-failed");
    });
    // Mended in the terminal, changed in the editor, and back.
    world.stack("shop", ["a: { type: command, apply: 'echo first' }"]);
    world.run(["apply", "--stack", "shop", "--environment", "development", "--yes"]);
    world.stack("shop", ["a: { type: command, apply: 'echo second' }"]);
    world.run(["apply", "--stack", "shop", "--environment", "development", "--yes"]);
    await withEditor(world, { install: false }, async (editor) => {
      await editor.showView();
      // What the file names and what has run comes after the first tree, and draws the rows anew.
      await editor.row("production").waitFor();
      await editor.row("apply shop/development", "Runs").waitFor();
      await editor.row("development").click({ button: "right" });
      await editor.menu("Roll back");
      await editor.choose("#2", "Go back to which run?");
      await editor.page.locator(".view-lines").filter({ hasText: "Goes back to run #2" }).first().waitFor();
      await editor.picture("rollback");
      await editor.decide("Roll back shop/development?", "Roll back");
      await editor.notification("rollback shop/development: succeeded").waitFor();
    });
    assert.match(world.run(["history", "--stack", "shop", "--environment", "development"]), /rollback/);
  } finally {
    world.end();
  }
});

test("a new stack is written, the environment chosen once, and everything destroyed by its name", { skip }, async () => {
  const world = scene(["a: { type: command, apply: 'touch a', destroy: 'echo gone' }"]);
  try {
    await withEditor(world, {}, async (editor) => {
      await editor.showView();
      await editor.row("shop").waitFor();
      await editor.status("web-team").click();
      await editor.choose("development", "Work in which environment?");
      await editor.status("web-team · development").waitFor();
      // The only stack and the chosen environment are not asked for.
      await editor.command("deployer: Apply");
      await editor.decide("Apply shop/development?", "Apply");
      await editor.notification("apply shop/development: succeeded").waitFor();
      assert.ok(world.exists("shop/a"));
      await editor.command("deployer: Destroy");
      await editor.type("shop", "Type shop to destroy");
      await editor.notification("destroy shop/development: succeeded").waitFor();
      assert.match(world.run(["stack", "list", "-o", "json"]), /"destroyed"/);
      await editor.command("deployer: Write a new stack");
      await editor.type("web", "Its name");
      await editor.page.locator(".view-lines").filter({ hasText: "yaml-language-server" }).first().waitFor();
      await editor.row(/^web$/).waitFor();
      await editor.picture("new-stack");
    });
  } finally {
    world.end();
  }
});

test("a terminal and the editor share runs: each sees, follows and cancels those of the other", { skip }, async () => {
  const world = scene([waits("a")]);
  const target = ["--stack", "shop", "--environment", "development"];
  try {
    await withEditor(world, {}, async (editor) => {
      await editor.showView();
      await editor.row("shop").waitFor();
      // The terminal's, cancelled in the editor.
      const id = world.run(["apply", ...target, "--yes", "--detach", "-q"]);
      await editor.row("s.a", "Runs").filter({ hasText: "running" }).waitFor();
      const run = editor.row("apply shop/development", "Runs");
      await run.click();
      await editor.output("s.a | a begins").waitFor();
      await editor.picture("shared-terminal");
      await editor.press(run, "Cancel a run");
      await editor.notification("apply shop/development: cancelled").waitFor();
      assert.equal(JSON.parse(world.run(["run", "show", id, "-o", "json"])).status, "RUN_STATUS_CANCELLED");

      // The editor's, which the terminal is locked out by, follows and cancels.
      // A row that is drawn anew under the pointer takes no click: that of the first run's end is waited for.
      await editor.row("development").filter({ hasText: "failed" }).filter({ hasNotText: "locked" }).waitFor();
      await editor.press(editor.row("development"), "Apply");
      await editor.decide("Apply shop/development?", "Apply");
      await editor.status("apply shop/development running").waitFor();
      const [own] = JSON.parse(world.run(["run", "list", "-o", "json"])).runs;
      assert.equal(own.status, "RUN_STATUS_RUNNING");
      assert.throws(() => world.run(["apply", ...target, "--yes"]), (error) => error.status === 5 && /locked/.test(error.stderr));
      const attached = world.begin(["run", "attach", own.id]);
      const ended = new Promise((resolve) => attached.on("exit", resolve));
      world.run(["run", "cancel", own.id]);
      assert.notEqual(await ended, 0);
      await editor.status("apply shop/development").waitFor({ state: "hidden" });
      await until("both runs are shown as cancelled", async () => (await editor.view("Runs").locator(".monaco-list-row").filter({ hasText: /apply.*cancelled/ }).count()) === 2);
    });
  } finally {
    world.end();
  }
});

test("a plan that takes long is given up, and the next one is made", { skip: skip || aws.skip }, async () => {
  const cloud = await aws.LocalAws.start();
  const world = new World(cloud.environment());
  world.address = `s3://${world.directory.split("-").at(-1).toLowerCase()}-editor-plan`;
  try {
    world.signIn(world.platform());
    world.stack("shop", ["a: { type: command, apply: 'echo done' }"]);
    await withEditor(world, {}, async (editor) => {
      await editor.showView();
      await editor.row("production").filter({ hasText: "not deployed" }).waitFor();
      // A cloud that does not answer, and does not refuse.
      cloud.process.kill("SIGSTOP");
      // By its name: what is loaded meanwhile draws the rows, and their buttons, anew.
      const plan = async () => {
        await editor.command("deployer: Plan");
        await editor.choose("development", "environment");
      };
      await plan();
      const planning = editor.notification("Planning apply of shop/development");
      await planning.waitFor();
      await editor.picture("planning");
      await editor.decide("Planning apply of shop/development", "Cancel");
      await planning.waitFor({ state: "detached" });
      cloud.process.kill("SIGCONT");
      assert.equal(await editor.notification("Cannot plan").count(), 0);
      await plan();
      await editor.page.locator(".view-lines").filter({ hasText: "+ s.a (command): create" }).first().waitFor();
    });
  } finally {
    world.end();
    cloud.end();
  }
});
