/** An address at which the host itself reaches what listens on the given one. */
export function reachable(address: string): string {
  return address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address;
}

/** A host name or IP address as URLs have it. */
export function inUrl(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
