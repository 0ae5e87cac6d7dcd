// The command line, which knows how a daemon is started: one at a time, and never beside another one.
import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

import type { ErrorReport__Output } from "../../generated/deployer/v1/ErrorReport";
import type { Environment } from "./endpoint";
import { Failure } from "./report";

/** Where programs are installed to that are not on the PATH of a program with windows. */
const USUAL = [".local/bin", ".cargo/bin"].map((path) => join(homedir(), path)).concat("/usr/local/bin", "/opt/homebrew/bin");

/** How long a start may take, in milliseconds; the command line gives up before. */
const PATIENCE = 60_000;

/** Finds the `deployer` program: the one that is named, else the first in the usual places. */
export function findProgram(named: string, environment: Environment): string {
  if (named) return named;
  const places = (environment.PATH ?? "").split(delimiter).filter(Boolean).concat(USUAL);
  const found = places.map((place) => join(place, "deployer")).find(isProgram);
  if (!found) throw new Error("the program `deployer` was not found: install it, or say in the setting deployer.path where it is");
  return found;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts the daemon where none runs, and waits until it listens. */
export function startDaemon(program: string): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(program, ["daemon", "start", "-o", "json"], { timeout: PATIENCE }, (error, _stdout, stderr) => {
      if (!error) return resolve();
      const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
      reject(missing ? new Error(`there is no program ${program}: see the setting deployer.path`) : said(stderr.trim(), error));
    });
  });
}

/** What the command line said, as the report that it is. */
function said(text: string, error: Error): Error {
  try {
    const report = JSON.parse(text) as ErrorReport__Output;
    return new Failure(report.message, report.reason, report);
  } catch {
    return new Error(text || error.message);
  }
}
