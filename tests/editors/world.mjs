// A user of their own for one test: home, daemon, backend, stacks. What runs in it ends with it.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
export const root = resolve(here, "../..");
/** The directory of the programs under test. */
export const programs = process.env.DEPLOYER_TEST_PROGRAMS ?? join(root, "target/debug");
const PASSWORD = "correct horse battery staple";

/** Waits for a condition with a deadline; answers what it answered. */
export async function until(what, condition, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise((resume) => setTimeout(resume, 20));
  }
}

/** What runs a command on a computer of this name, as far as the kernel tells. */
function elsewhere(computer) {
  return ["unshare", "--user", "--map-root-user", "--uts", "sh", "-c", `echo ${computer} > /proc/sys/kernel/hostname; exec "$0" "$@"`];
}

/** Why a computer cannot have another name here; false where it can. */
export function skipElsewhere() {
  const [program, ...args] = [...elsewhere("build-7"), "hostname"];
  return spawnSync(program, args, { encoding: "utf8" }).stdout?.trim() === "build-7" ? false : "user namespaces are not allowed here";
}

export class World {
  constructor(variables = {}) {
    // Sockets must have short paths.
    this.directory = mkdtempSync("/tmp/dplr-");
    this.home = join(this.directory, "home");
    this.work = join(this.directory, "work");
    const bin = join(this.home, ".local/bin");
    [bin, this.work].forEach((path) => mkdirSync(path, { recursive: true }));
    // Editors take PATH from a login shell, which sets it anew.
    symlinkSync(join(programs, "deployer"), join(bin, "deployer"));
    this.address = `local:${join(this.directory, "deployer.db")}`;
    this.environment = {
      HOME: this.home,
      PATH: `${programs}:/usr/local/bin:/usr/bin:/bin`,
      LANG: "C.UTF-8",
      TZ: "UTC",
      DEPLOYER_KEYRING: "memory",
      DEPLOYER_ACTOR: "tester",
      ...variables,
    };
  }

  get socket() {
    return join(this.home, ".local/state/deployer/deployerd.sock");
  }

  /** Runs a command to its end; answers its standard output. */
  run(args, input = "") {
    const options = { cwd: this.work, env: this.environment, input, encoding: "utf8", stdio: ["pipe", "pipe", "pipe"], timeout: 120_000 };
    const [program, ...all] = this.command(args);
    return execFileSync(program, all, options).trim();
  }

  /** Begins a command; it ends with the world. */
  begin(args) {
    const [program, ...all] = this.command(args);
    return spawn(program, all, { cwd: this.work, env: this.environment, stdio: "ignore" });
  }

  command(args) {
    return [...(this.computer ? elsewhere(this.computer) : []), join(programs, "deployer"), ...args];
  }

  /** Prepares the backend with a tenant; answers the tenant's secret. */
  platform(tenant = "web-team") {
    this.run(["admin", "bootstrap", "--backend", this.address, "--password-stdin"], PASSWORD);
    this.run(["admin", "login", "--backend", this.address, "--password-stdin"], PASSWORD);
    return this.run(["tenant", "init", tenant, "-q"]);
  }

  signIn(secret, tenant = "web-team") {
    this.run(["login", "--tenant", tenant, "--backend", this.address, "--secret-stdin"], secret);
  }

  /** Another user on another computer, signed in as the same tenant. With `computer` the kernel calls it so too. */
  colleague(secret, { computer, ...variables } = {}) {
    const other = new World({ ...this.environment, DEPLOYER_ACTOR: "colleague", ...variables });
    other.computer = computer;
    other.environment.HOME = other.home;
    other.address = this.address;
    other.signIn(secret);
    return other;
  }

  write(path, text) {
    const file = join(this.work, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  /** Writes NAME/stack.yaml with the components of one service, `s`, each as it stands in the file. */
  stack(name, components) {
    const head = ["apiVersion: deployer/v1", "kind: Stack", `name: ${name}`, "environments:", "  development: {}", "  production: {}"];
    const lines = [...head, "services:", "  s:", "    components:", ...components.map((it) => `      ${it}`)];
    return this.write(`${name}/stack.yaml`, `${lines.join("\n")}\n`);
  }

  exists(path) {
    return existsSync(join(this.work, path));
  }

  read(path) {
    return readFileSync(join(this.work, path), "utf8");
  }

  /** The daemon's log. */
  log() {
    return readFileSync(join(this.home, ".local/state/deployer/deployerd.log"), "utf8");
  }

  daemonPid() {
    return Number(/"pid":\s*(\d+)/.exec(this.run(["daemon", "status", "-o", "json"]))?.[1]);
  }

  /** The memory of the editor's extension host, in MB. */
  hostMemory() {
    const host = this.processes().find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("type=extensionHost"));
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${host}/status`, "utf8"))[1]) / 1024;
  }

  /** Every process that was started in this world and lives. */
  processes() {
    const ours = (pid) => {
      try {
        return Number(pid) !== process.pid && readFileSync(`/proc/${pid}/environ`, "utf8").includes(this.directory);
      } catch {
        return false;
      }
    };
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name) && ours(name)).map(Number);
  }

  end() {
    for (const pid of this.processes()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
