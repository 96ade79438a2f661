package nestbox.architecture;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;

/** The length of each method's bytecode, read from a class file (JVM Specification, "The class File Format"). */
final class CodeSizes {
    private static final int UTF8 = 1;
    private static final int LONG = 5;
    private static final int DOUBLE = 6;
    private static final int CLASS = 7;
    private static final int STRING = 8;
    private static final int METHOD_HANDLE = 15;
    private static final int METHOD_TYPE = 16;
    private static final int MODULE = 19;
    private static final int PACKAGE = 20;

    private final DataInputStream in;
    private String[] strings;

    private CodeSizes(byte[] classFile) {
        in = new DataInputStream(new ByteArrayInputStream(classFile));
    }

    /** Bytes of code by name and descriptor of the method. */
    static Map<String, Integer> of(byte[] classFile) throws IOException {
        return new CodeSizes(classFile).read();
    }

    private Map<String, Integer> read() throws IOException {
        in.skipNBytes(8);
        readConstants();
        in.skipNBytes(6);
        in.skipNBytes(2L * in.readUnsignedShort());
        readMembers(new TreeMap<>());
        Map<String, Integer> sizes = new TreeMap<>();
        readMembers(sizes);
        return sizes;
    }

    private void readConstants() throws IOException {
        int count = in.readUnsignedShort();
        strings = new String[count];
        for (int i = 1; i < count; i++) {
            int tag = in.readUnsignedByte();
            switch (tag) {
                case UTF8 -> strings[i] = in.readUTF();
                case LONG, DOUBLE -> {
                    in.skipNBytes(8);
                    i++;
                }
                case CLASS, STRING, METHOD_TYPE, MODULE, PACKAGE -> in.skipNBytes(2);
                case METHOD_HANDLE -> in.skipNBytes(3);
                default -> in.skipNBytes(4);
            }
        }
    }

    private void readMembers(Map<String, Integer> sizes) throws IOException {
        int members = in.readUnsignedShort();
        for (int i = 0; i < members; i++) {
            in.skipNBytes(2);
            String member = strings[in.readUnsignedShort()] + strings[in.readUnsignedShort()];
            int attributes = in.readUnsignedShort();
            for (int k = 0; k < attributes; k++) {
                String name = strings[in.readUnsignedShort()];
                long length = Integer.toUnsignedLong(in.readInt());
                if (name.equals("Code")) {
                    in.skipNBytes(4);
                    sizes.put(member, in.readInt());
                    length -= 8;
                }
                in.skipNBytes(length);
            }
        }
    }
}
