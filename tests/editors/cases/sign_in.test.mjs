// Signing in: the secret is typed into a password field, and is nowhere afterwards.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import test from "node:test";

import { skip, withEditor } from "../editor.mjs";
import { World } from "../world.mjs";

test("the secret goes from a password field into one call and is in no file, storage or log", { skip }, async () => {
  const world = new World({ DEPLOYER_LOG: "debug" });
  try {
    const secret = world.platform();
    world.stack("shop", ["a: { type: command, apply: 'echo done' }"]);
    await withEditor(world, {}, async (editor) => {
      await editor.showView();
      await editor.status("deployer: sign in").waitFor();
      const signIn = async (typed) => {
        await editor.command("deployer: Sign in as a tenant");
        await editor.type(world.address, "Where the platform is");
        await editor.type("web-team", "The tenant");
        const field = editor.page.locator(".quick-input-widget input.input").first();
        await editor.page.locator(".quick-input-widget").filter({ hasText: "The tenant's secret" }).waitFor();
        assert.equal(await field.getAttribute("type"), "password");
        await field.fill(typed);
        await editor.picture("password");
        await editor.page.keyboard.press("Enter");
      };
      await signIn("dplr_wrong_00000000000000000000000000000000");
      await editor.notification("Cannot sign in").waitFor();
      await editor.picture("refused");
      await editor.page.keyboard.press("Escape");
      await signIn(secret);
      await editor.notification("Signed in as web-team").waitFor();
      await editor.status("web-team").waitFor();
      await editor.row("shop").waitFor();
      await editor.picture("signed-in");

      await editor.command("deployer: Sign out");
      await editor.status("deployer: sign in").waitFor();
      // The browser's own storage too.
      const kept = await editor.page.evaluate(async () => {
        const stores = [JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage })];
        for (const { name } of await indexedDB.databases()) {
          const db = await new Promise((resolve, reject) => Object.assign(indexedDB.open(name), { onsuccess: (e) => resolve(e.target.result), onerror: reject }));
          for (const store of db.objectStoreNames) {
            const all = db.transaction(store).objectStore(store).getAll();
            stores.push(JSON.stringify(await new Promise((resolve) => (all.onsuccess = () => resolve(all.result)))));
          }
          db.close();
        }
        return stores.join("\n");
      });
      assert.ok(!kept.includes(secret));
    });
    const found = (text) => {
      try {
        return execFileSync("grep", ["-rlaF", "--exclude-dir=extensions", text, world.directory], { encoding: "utf8" });
      } catch {
        return "";
      }
    };
    assert.notEqual(found("web-team"), "", "what is looked for can be found");
    assert.equal(found(secret), "");
  } finally {
    world.end();
  }
});
