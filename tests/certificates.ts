import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

/** A key pair and the certificate of its public key. */
export interface Issued {
  certificate: string;
  privateKey: string;
}

/**
 * Makes a certificate for tests: of the name `subject`, signed by `issuer` or by itself, with a new key.
 *
 * @param isAuthority may it issue certificates that a browser takes, when it is not trusted itself. Default: no
 */
export function issue(
  subject: string,
  notBefore: Date,
  notAfter: Date,
  issuer?: Issued & { subject: string },
  { isAuthority = false }: { isAuthority?: boolean } = {},
): Issued {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signingKey = issuer === undefined ? privateKey : createPrivateKey(issuer.privateKey);
  const body = sequence(
    ...(isAuthority ? [versionThree] : []),
    der(0x02, Buffer.concat([Buffer.from([0x01]), randomBytes(8)])),
    ecdsaWithSha256,
    distinguishedName(issuer?.subject ?? subject),
    sequence(time(notBefore), time(notAfter)),
    distinguishedName(subject),
    publicKey.export({ type: "spki", format: "der" }),
    ...(isAuthority ? [authorityExtensions] : []),
  );
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign("sha256", body, signingKey)]));
  const base64 = sequence(body, ecdsaWithSha256, signature)
    .toString("base64")
    .replace(/.{64}(?=.)/g, "$&\n");
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    privateKey: pem(privateKey),
  };
}

/** A new private key that belongs to no certificate. */
export function strayKey(passphrase?: string): string {
  return pem(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey, passphrase);
}

function pem(key: KeyObject, passphrase?: string): string {
  return passphrase === undefined
    ? key.export({ type: "pkcs8", format: "pem" }).toString()
    : key.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase }).toString();
}

/** One value in the encoding of X.509 (ITU-T X.690): tag, length, content. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

/** The object identifier 1.2.840.10045.4.3.2 */
const ecdsaWithSha256 = sequence(der(0x06, Buffer.from("2a8648ce3d040302", "hex")));

/** Extensions take X.509's version 3 (RFC 5280, 4.1.2.1). */
const versionThree = der(0xa0, der(0x02, Buffer.from([2])));

/** Basic constraints (2.5.29.19), critical: an authority's certificate. */
const authorityExtensions = der(
  0xa3,
  sequence(
    sequence(
      der(0x06, Buffer.from("551d13", "hex")),
      der(0x01, Buffer.from([0xff])),
      der(0x04, sequence(der(0x01, Buffer.from([0xff])))),
    ),
  ),
);

/** A name that consists of a common name (2.5.4.3) only. */
function distinguishedName(commonName: string): Buffer {
  return sequence(der(0x31, sequence(der(0x06, Buffer.from("550403", "hex")), der(0x0c, Buffer.from(commonName)))));
}

function time(date: Date): Buffer {
  return der(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`));
}
