// A person types into a stack file: squiggles, messages, and the way from a problem to its place.
import test from "node:test";

import { skip, withEditor } from "../editor.mjs";
import { World } from "../world.mjs";

test("a mistake is underlined while it is typed, and listed with what would be right", { skip }, async () => {
  const world = new World();
  try {
    world.run(["stack", "init", "web"]);
    world.stack("shop", ["a: { type: command, apply: 'echo done' }"]);
    await withEditor(world, {}, async (editor) => {
      await editor.showView();
      await editor.status("deployer: sign in").waitFor();
      await editor.openFile("shop/stack.yaml");
      await editor.page.locator(".codelens-decoration").first().waitFor();
      // To the end of the word `command` in the last line with text.
      await editor.page.keyboard.press("Control+End");
      await editor.page.keyboard.press("ArrowUp");
      await editor.page.keyboard.press("Home");
      for (let step = 0; step < "a: { type: command".length; step += 1) await editor.page.keyboard.press("ArrowRight");
      await editor.page.keyboard.type("s");
      await editor.page.locator(".squiggly-error").first().waitFor();
      await editor.status("1").first().waitFor();
      await editor.command("View: Focus Problems");
      const problem = editor.page.locator(".markers-panel .monaco-list-row").filter({ hasText: "unknown type `commands`" });
      await problem.waitFor();
      await editor.picture("problems");
      await problem.dblclick();
      await editor.page.keyboard.press("Backspace");
      await editor.page.keyboard.press("Control+Z");
      await editor.page.keyboard.press("Control+Z");
      await editor.page.locator(".squiggly-error").first().waitFor({ state: "detached" });
      await editor.picture("mended");
    });
  } finally {
    world.end();
  }
});
