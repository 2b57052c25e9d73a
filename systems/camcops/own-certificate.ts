import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostPath } from "../../settings/camcops/files.ts";
import type { CamcopsSettings } from "../../settings/camcops/settings.ts";

/** A certificate that the user brought. */
export interface OwnCertificate {
  /** A name that it is valid for. */
  serverName: string;
  /** The file's content: the server's certificate and those of its issuers. */
  pem: string;
  /** SHA-256 of the server's certificate. */
  fingerprint: string;
}

/**
 * Reads the user's own certificate in `configDirectory`; nothing when there is none, or when it lies on another host and
 * cannot be read from here.
 */
export function ownCertificate({ https, certificate, configDirectory }: CamcopsSettings): OwnCertificate | undefined {
  if (!https || certificate.kind !== "files" || configDirectory === undefined) return undefined;
  try {
    const pem = readFileSync(hostPath(certificate.certificate, configDirectory), "utf8");
    const { subjectAltName = "", subject, fingerprint256: fingerprint } = new X509Certificate(pem);
    const patterns = [/DNS:((?!\*)[^,\s]+)/, /IP Address:([^,\s]+)/];
    const altName = patterns.map((pattern) => pattern.exec(subjectAltName)?.[1]).find((found) => found !== undefined);
    const name = altName ?? /^CN=(.+)$/m.exec(subject)?.[1];
    return name === undefined ? undefined : { serverName: name, pem, fingerprint };
  } catch {
    return undefined;
  }
}
