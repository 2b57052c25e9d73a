import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";

import type { Finding } from "./problems.ts";

/** A file that a setting names. */
export interface NamedFile {
  /** The setting, such as `camcops.certificate.privateKey`. */
  key: string;
  /** The setting's value. */
  value: string;
  /** Where this machine holds the file. */
  path: string;
}

/** What is wrong, and what will soon be wrong, with a certificate. */
export interface CertificateFindings {
  findings: Finding[];
  warnings: string[];
}

const warningDays = 30;

/** Checks that a certificate is valid now, stands before its issuers, and belongs to its key. */
export async function checkCertificate(
  certificate: NamedFile,
  privateKey: NamedFile,
  now = new Date(),
): Promise<CertificateFindings> {
  const findings: Finding[] = [];
  const find = ({ key, value }: NamedFile, message: string, advice: string) => {
    findings.push({ key, value, message, remedy: [{ advice }] });
  };
  const warnings: string[] = [];
  const read = async (file: NamedFile) => {
    try {
      return await readFile(file.path, "utf8");
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? String(error);
      // A key is well kept when only the containers' user may read it.
      if (file === privateKey && reason === "EACCES") {
        warnings.push(`${file.key}: was not checked, because you may not read ${file.path}.`);
        return undefined;
      }
      find(file, `must be a file that you can read, but ${file.path} is not (${reason})`, `ls -l ${file.path}`);
      return undefined;
    }
  };
  const [certificateText, keyText] = [await read(certificate), await read(privateKey)];
  const chain = certificateText === undefined ? [] : certificatesIn(certificateText);
  const [leaf] = chain;
  if (certificateText !== undefined && leaf === undefined) {
    find(
      certificate,
      "must be a file with a certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----",
      `openssl x509 -in ${certificate.path} -inform DER -out ${certificate.path}.pem   # if it is in DER form`,
    );
  }
  const key = keyText === undefined ? undefined : keyIn(keyText);
  if (keyText !== undefined && key === undefined) {
    find(
      privateKey,
      "must be a file with a private key in PEM form and without a passphrase",
      `openssl pkey -in ${privateKey.path} -out ${privateKey.path}.open   # asks for the passphrase and leaves it out`,
    );
  }
  if (leaf === undefined) return { findings, warnings };

  if (leaf.validToDate <= now) {
    find(
      certificate,
      `must be valid, but expired on ${day(leaf.validToDate)}`,
      "put a renewed certificate in its place",
    );
  } else if (leaf.validFromDate > now) {
    find(certificate, `must be valid, but is not before ${day(leaf.validFromDate)}`, "check the host's clock: date");
  }
  if (key !== undefined && !leaf.checkPrivateKey(key)) {
    const isBehind = chain.some((other) => other.checkPrivateKey(key));
    find(
      isBehind ? certificate : privateKey,
      isBehind
        ? "must hold the server's certificate first, then its issuers'"
        : `must belong to the certificate of ${leaf.subject.replaceAll("\n", ", ")}, but belongs to another one`,
      isBehind
        ? `sort the certificates in ${certificate.path}`
        : "put the key in place that the certificate was made with",
    );
  }
  const stray = chain.slice(1).findIndex((issuer, index) => chain[index]?.checkIssued(issuer) !== true);
  if (stray !== -1 && findings.length === 0) {
    find(
      certificate,
      `must hold each issuer's certificate behind the one that it issued, but number ${stray + 2} did not issue number ${stray + 1}`,
      `sort the certificates in ${certificate.path}`,
    );
  }
  const daysLeft = Math.floor((leaf.validToDate.getTime() - now.getTime()) / 86_400_000);
  if (daysLeft >= 0 && daysLeft < warningDays) {
    warnings.push(
      `${certificate.key}: expires in ${daysLeft} days, on ${day(leaf.validToDate)}; put a renewed one in its place.`,
    );
  }
  return { findings, warnings };
}

function certificatesIn(text: string): X509Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs) ?? [];
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return [];
  }
}

function keyIn(text: string) {
  try {
    return createPrivateKey(text);
  } catch {
    return undefined;
  }
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
