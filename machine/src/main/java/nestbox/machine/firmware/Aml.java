package nestbox.machine.firmware;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** The few AML terms that the DSDT needs (ACPI Specification, "ACPI Machine Language Specification"). */
final class Aml {
    private static final int NAME = 0x08;
    private static final int BYTE = 0x0a;
    private static final int DWORD = 0x0c;
    private static final int SCOPE = 0x10;
    private static final int PACKAGE = 0x12;
    private static final int EXTENDED = 0x5b;
    private static final int DEVICE = 0x82;
    private static final int ONE_BYTE_LENGTH = 0x3f;

    private Aml() {}

    static byte[] join(byte[]... parts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            out.write(part, 0, part.length);
        }
        return out.toByteArray();
    }

    private static byte[] op(int... codes) {
        byte[] bytes = new byte[codes.length];
        for (int i = 0; i < codes.length; i++) {
            bytes[i] = (byte) codes[i];
        }
        return bytes;
    }

    private static byte[] path(String name) {
        return name.getBytes(StandardCharsets.US_ASCII);
    }

    /** PkgLength counts itself: one byte up to 63, else two. */
    private static byte[] withLength(byte[] body) {
        int one = body.length + 1;
        if (one <= ONE_BYTE_LENGTH) {
            return join(op(one), body);
        }
        int two = body.length + 2;
        return join(op(0x40 | two & 15, two >>> 4), body);
    }

    static byte[] number(int value) {
        return value == 0 || value == 1 ? op(value) : op(BYTE, value);
    }

    static byte[] name(String name, byte[] value) {
        return join(op(NAME), path(name), value);
    }

    static byte[] packageOf(int... values) {
        byte[] body = op(values.length);
        for (int value : values) {
            body = join(body, number(value));
        }
        return join(op(PACKAGE), withLength(body));
    }

    static byte[] scope(String name, byte[]... terms) {
        return join(op(SCOPE), withLength(join(path(name), join(terms))));
    }

    static byte[] device(String name, byte[]... terms) {
        return join(op(EXTENDED, DEVICE), withLength(join(path(name), join(terms))));
    }

    /** A compressed EISA id, such as PNP0A03. */
    static byte[] eisaId(String id) {
        int letters = (id.charAt(0) - '@') << 10 | (id.charAt(1) - '@') << 5 | (id.charAt(2) - '@');
        int digits = Integer.parseInt(id.substring(3), 16);
        return op(DWORD, letters >>> 8, letters, digits >>> 8, digits);
    }
}
