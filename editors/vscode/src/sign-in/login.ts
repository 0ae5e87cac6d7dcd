// Signing in as a tenant. The secret goes from a password field into one call and is kept nowhere.
import { window } from "vscode";

import type { Context__Output } from "../../generated/deployer/v1/Context";
import type { LoginEvent__Output } from "../../generated/deployer/v1/LoginEvent";
import type { Session__Output } from "../../generated/deployer/v1/Session";
import { hear } from "../daemon/connection";
import type { Daemon } from "../daemon/daemon";
import { askText, meanwhile } from "../tell/tell";

interface Place {
  address: string;
  region: string;
  tenant: string;
}

/** Asks for what is needed and signs in; answers the session, or nothing where somebody thought better of it. */
export async function login(daemon: Daemon, contexts: Context__Output[]): Promise<Session__Output | undefined> {
  const place = await askPlace(contexts);
  if (!place) return undefined;
  const secret = await askText({
    title: `Sign in as ${place.tenant}`,
    prompt: "The tenant's secret",
    password: true,
    validateInput: (text) => (text.trim() ? undefined : "The secret is needed"),
  });
  if (!secret) return undefined;
  return meanwhile(`Signing in as ${place.tenant}`, (step) => signIn(daemon, place, secret.trim(), step));
}

async function signIn(daemon: Daemon, place: Place, secret: string, step: (name: string) => void): Promise<Session__Output | undefined> {
  const connection = await daemon.connected();
  const backend = { address: place.address, region: place.region };
  let session: Session__Output | undefined;
  daemon.calls += 1;
  const stream = connection.sessions.Login({ context: daemon.lend({ cwd: "/" }), backend, tenant: place.tenant, secret });
  await hear<LoginEvent__Output>(stream, (event) => {
    if (event.step) step(event.step.name);
    session = event.done ?? session;
  });
  return session;
}

/** The place of a context that is known, or a new one. */
async function askPlace(contexts: Context__Output[]): Promise<Place | undefined> {
  const known = contexts.filter((context) => context.mode === "MODE_TENANT");
  if (known.length > 0) {
    const items = known.map((context) => ({ label: context.tenant, description: context.backend?.address, context }));
    const other = { label: "Another tenant…", description: "", context: undefined };
    const chosen = await window.showQuickPick([...items, other], { title: "Sign in as which tenant?", ignoreFocusOut: true });
    if (!chosen) return undefined;
    const backend = chosen.context?.backend;
    if (chosen.context && backend) return { address: backend.address, region: backend.region, tenant: chosen.context.tenant };
  }
  const environment = process.env;
  const bucket = environment.DEPLOYER_BUCKET?.replace(/^s3:\/\//, "");
  const address = await askText({
    title: "Sign in",
    prompt: "Where the platform is: s3://BUCKET or local:PATH",
    value: environment.DEPLOYER_BACKEND ?? (bucket ? `s3://${bucket}` : known[0]?.backend?.address) ?? "",
    validateInput: (text) => (/^(s3:\/\/[^/]+|local:\/.+)/.test(text.trim()) ? undefined : "s3://BUCKET, or local: and an absolute path"),
  });
  if (!address) return undefined;
  const tenant = await askText({ title: "Sign in", prompt: "The tenant", value: environment.DEPLOYER_TENANT ?? "" });
  return tenant ? { address: address.trim(), region: environment.DEPLOYER_REGION ?? "", tenant: tenant.trim() } : undefined;
}
