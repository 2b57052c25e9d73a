import assert from "node:assert/strict";
import { clientOptions, initialStatements } from "../../components/mysql-files.ts";

describe("initialStatements", () => {
  it("makes database and user, sets both passwords, and grants on this database only", () => {
    assert.equal(
      initialStatements({
        databaseName: "shop_1%",
        userName: "clerk",
        userPassword: "p'a\\ss\n\"é",
        rootPassword: "root",
      }),
      [
        "SET NAMES utf8mb4;",
        "CREATE DATABASE IF NOT EXISTS `shop_1%` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;",
        `CREATE USER IF NOT EXISTS 'clerk'@'%' IDENTIFIED BY 'p''a\\\\ss\\n"é';`,
        `ALTER USER 'clerk'@'%' IDENTIFIED BY 'p''a\\\\ss\\n"é';`,
        "GRANT ALL PRIVILEGES ON `shop\\_1\\%`.* TO 'clerk'@'%';",
        "ALTER USER 'root'@'localhost' IDENTIFIED BY 'root';",
        "",
      ].join("\n"),
    );
  });
});

describe("clientOptions", () => {
  it("writes user and password in quotes", () => {
    assert.equal(
      clientOptions("clerk", "a\"b\\c\n\r\t#;' é"),
      '[client]\nuser = "clerk"\npassword = "a\\"b\\\\c\\n\\r\\t#;\' é"\n',
    );
  });
});
