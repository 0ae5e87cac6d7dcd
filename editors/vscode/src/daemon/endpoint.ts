// The one socket path that every shell, cron job and editor of a user computes, and whether it is safe to speak there.
import { lstatSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** The longest socket path that every supported system takes, in bytes. */
const LONGEST = 103;

export type Environment = Readonly<Record<string, string | undefined>>;

/** The socket's path, as `proto/README.md` says it. Fails where there can be none. */
export function socketPath(environment: Environment, platform: NodeJS.Platform = process.platform): string {
  const path = environment.DEPLOYER_SOCKET || join(stateDirectory(environment, platform), "deployerd.sock");
  if (!path.startsWith("/")) throw new Error(`the path ${path} must be absolute`);
  const length = Buffer.byteLength(path);
  if (length > LONGEST) {
    throw new Error(`the socket path ${path} has ${length} bytes, the system allows ${LONGEST}; set DEPLOYER_SOCKET to a shorter one`);
  }
  return path;
}

function stateDirectory(environment: Environment, platform: NodeJS.Platform): string {
  if (environment.DEPLOYER_STATE_DIR) return environment.DEPLOYER_STATE_DIR;
  const home = environment.HOME || homedir();
  if (platform === "darwin") return join(home, "Library/Application Support/deployer");
  // The specification of these directories has relative paths ignored.
  const state = environment.XDG_STATE_HOME;
  return join(state?.startsWith("/") ? state : join(home, ".local/state"), "deployer");
}

/** What is at the socket's path: nobody, or the daemon of this user. Fails where it is another user's. */
export function whoIsThere(socket: string): "nobody" | "ours" {
  const found = lstatSync(socket, { throwIfNoEntry: false });
  if (!found) return "nobody";
  const directory = lstatSync(dirname(socket));
  const own = process.getuid?.();
  if (found.uid !== own || directory.uid !== own) {
    throw new Error(`the daemon's socket ${socket} belongs to another user; nothing was sent. Check DEPLOYER_SOCKET`);
  }
  if (!found.isSocket()) throw new Error(`${socket} is no socket. Check DEPLOYER_SOCKET`);
  if ((found.mode & 0o077) !== 0) {
    throw new Error(`other users may connect to the daemon's socket ${socket}; nothing was sent. Restart the daemon`);
  }
  return "ours";
}
