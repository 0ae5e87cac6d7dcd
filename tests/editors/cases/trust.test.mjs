// Where nothing may be run: a workspace that nobody trusts, and a computer without the program.
import assert from "node:assert/strict";
import { existsSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

import { skip, withEditor } from "../editor.mjs";
import { programs, World } from "../world.mjs";

test("in a workspace that nobody trusts the extension does nothing, and once it is trusted it works", { skip }, async () => {
  const world = new World();
  try {
    world.stack("shop", ["a: { type: command, apply: 'echo done' }"]);
    const settings = { "security.workspace.trust.enabled": true, "security.workspace.trust.startupPrompt": "never" };
    await withEditor(world, { trusts: false, settings }, async (editor) => {
      await editor.status("Restricted Mode").waitFor();
      await editor.openFile("shop/stack.yaml");
      await editor.page.locator(".view-lines").filter({ hasText: "apiVersion" }).first().waitFor();
      // The way to another extension's view is there: the way to this one's would be.
      await editor.page.locator('.activitybar .action-item a[aria-label^="Source Control"]').waitFor();
      assert.equal(await editor.page.locator('.activitybar .action-item a[aria-label^="deployer"]').count(), 0);
      assert.ok(!existsSync(world.socket), "no daemon was started");
      await editor.picture("untrusted");

      await editor.status("Restricted Mode").click();
      await editor.page.locator(".workspace-trust-editor").getByRole("button", { name: "Trust", exact: true }).first().click();
      await editor.status("deployer: sign in").waitFor();
      assert.ok(existsSync(world.socket));
    });
  } finally {
    world.end();
  }
});

test("where the program is missing it is said what to do, and once it is there it works", { skip }, async () => {
  const world = new World();
  const program = join(world.home, ".local/bin/deployer");
  try {
    world.environment.PATH = "/usr/local/bin:/usr/bin:/bin";
    rmSync(program);
    world.stack("shop", ["a: { type: command, apply: 'echo done' }"]);
    await withEditor(world, {}, async (editor) => {
      await editor.notification("the program `deployer` was not found: install it, or say in the setting deployer.path where it is").waitFor();
      await editor.status("deployer: stopped").waitFor();
      await editor.picture("no-program");
      symlinkSync(join(programs, "deployer"), program);
      await editor.status("deployer: stopped").click();
      await editor.status("deployer: sign in").waitFor();
    });
  } finally {
    world.end();
  }
});
