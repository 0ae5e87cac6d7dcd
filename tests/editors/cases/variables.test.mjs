// A stack whose variables have no values: they are asked for, a sensitive one in a password field, which is kept nowhere.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import test from "node:test";

import { skip, withEditor } from "../editor.mjs";
import { World } from "../world.mjs";

const SECRET = "hunter2-of-the-editor";
const STACK = `apiVersion: deployer/v1
kind: Stack
name: shop
environments:
  development: {}
variables:
  TAG: { description: "Which release? [Press](command:workbench.action.quit)" }
  PASSWORD: { sensitive: true }
services:
  s:
    components:
      a:
        type: command
        environment: { TAG: "\${var.TAG}", PASSWORD: "\${var.PASSWORD}" }
        apply: 'printf %s "$TAG" > tag; printf %s "$PASSWORD" | wc -c > length'
`;

test("variables without values are asked for, and a sensitive one is kept nowhere", { skip }, async () => {
  const world = new World({ DEPLOYER_LOG: "debug" });
  try {
    world.signIn(world.platform());
    world.write("shop/stack.yaml", STACK);
    await withEditor(world, {}, async (editor) => {
      await editor.showView();
      await editor.row("development").filter({ hasText: "not deployed" }).waitFor();
      const apply = async (known, tag) => {
        await editor.press(editor.row("development"), "Apply");
        const secret = editor.page.locator(".quick-input-widget").filter({ hasText: "shop: PASSWORD" });
        await secret.waitFor();
        const field = secret.locator("input.input").first();
        assert.equal(await field.getAttribute("type"), "password");
        assert.equal(await field.inputValue(), "", "it is asked for each time");
        await field.fill(SECRET);
        await editor.picture("variable-sensitive");
        await editor.page.keyboard.press("Enter");
        // By their names: PASSWORD, then TAG.
        const asks = editor.page.locator(".quick-input-widget").filter({ hasText: "Which release?" });
        await asks.waitFor();
        assert.equal(await asks.locator("input.input").first().inputValue(), known);
        assert.equal(await asks.locator("a").filter({ hasText: "Press" }).count(), 0, "what a file says is no link");
        await editor.picture("variable");
        await editor.type(tag, "Which release?");
        await editor.decide("Apply shop/development?", "Apply");
      };
      await apply("", "v1");
      const ended = editor.notification("apply shop/development: succeeded");
      await ended.waitFor();
      assert.equal(world.read("shop/tag"), "v1");
      assert.equal(world.read("shop/length").trim(), String(SECRET.length));
      await ended.hover();
      await ended.locator(".codicon-notifications-clear").click();
      await editor.row("development").filter({ hasText: "deployed" }).filter({ hasNotText: "locked" }).waitFor();
      await apply("v1", "v2");
      await ended.waitFor();
      assert.equal(world.read("shop/tag"), "v2");
    });
    const found = (text) => {
      try {
        return execFileSync("grep", ["-rlaF", "--exclude-dir=extensions", text, world.directory], { encoding: "utf8" });
      } catch {
        return "";
      }
    };
    assert.notEqual(found("web-team"), "", "what is looked for can be found");
    assert.equal(found(SECRET), "");
  } finally {
    world.end();
  }
});
