// An environment of a stack: what is planned, locked and deployed.

export interface Place {
  stack: string;
  environment: string;
}

/** Its name, for people and for maps. */
export function place(of: Place): string {
  return `${of.stack}/${of.environment}`;
}
