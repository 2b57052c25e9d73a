/** An address at which the host itself reaches what listens on the given one. */
export function reachable(address: string): string {
  return address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address;
}

/** A host name or IP address as URLs have it. */
export function inUrl(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

/** The address of a site, without the port where it is the usual one. */
export function siteUrl(scheme: "http" | "https", hostName: string, port: number): string {
  const usual = scheme === "https" ? 443 : 80;
  return `${scheme}://${inUrl(hostName)}${port === usual ? "" : `:${port}`}`;
}
