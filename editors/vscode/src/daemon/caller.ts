// The call context: all that the daemon may know of its caller travels with each call.
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";

import type { CallContext } from "../../generated/deployer/v1/CallContext";
import type { Environment } from "./endpoint";

/** The protocol version that this extension was built for. */
export const PROTOCOL = 1;

/** Never lent to the daemon. */
const SECRETS = new Set([
  "DEPLOYER_SECRET", "DEPLOYER_ADMIN_PASSWORD", "DEPLOYER_NEW_ADMIN_PASSWORD", "DEPLOYER_OTP", "DEPLOYER_NEW_OTP", "DEPLOYER_NEW_OTP_KEY",
]);

/** Lent with each call: who the user is, and how clouds are reached. */
const NAMES = new Set(["HOME", "USER", "LOGNAME", "PATH", "XDG_CONFIG_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR"]);

/** The editor's own: a team's commands would do other things under them than in a terminal. */
const EDITORS_OWN = /^(VSCODE|ELECTRON|CHROME|CODE_SERVER)_/;

export interface Lending {
  /** The directory that relative paths are seen from. */
  cwd: string;
  /** Whether the call runs the team's commands, which see the whole environment. */
  commands?: boolean;
  /** The context to act in; absent: the current one. */
  context?: string;
}

export class Caller {
  constructor(
    private readonly environment: Environment,
    private readonly client: string,
  ) {}

  /** Builds what travels with a call. */
  context(lending: Lending): CallContext {
    return {
      protocol: PROTOCOL,
      client: this.client,
      cwd: lending.cwd,
      host: hostname(),
      context: lending.context ?? "",
      environment: this.lent(isLent),
      fullEnvironment: lending.commands ? { variables: this.lent((name) => !EDITORS_OWN.test(name)) } : null,
      requestId: randomBytes(8).toString("hex"),
      umask: process.umask(),
    };
  }

  private lent(wanted: (name: string) => boolean): Record<string, string> {
    const kept = Object.entries(this.environment).filter(([name, value]) => value !== undefined && !SECRETS.has(name) && wanted(name));
    return Object.fromEntries(kept) as Record<string, string>;
  }
}

function isLent(name: string): boolean {
  return NAMES.has(name) || /^(AWS|DEPLOYER)_/.test(name) || /_PROXY$/i.test(name);
}
