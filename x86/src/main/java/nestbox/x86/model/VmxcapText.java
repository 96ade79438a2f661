package nestbox.x86.model;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import nestbox.core.NestboxException;

/**
 * The text that QEMU's tool {@code vmxcap} prints, read back as VMX capability registers. The resource {@code vmxcap.tbl} says
 * which title stands for which register and which line for which bit. A register whose value the text has in whole
 * ({@code Hex:}) is taken from there; reserved bits of a control word, which the text leaves out, count as zero.
 */
final class VmxcapText {
    /** A part of the text: its registers, and the bits of its lines; none for a part that has its value in whole. */
    private record Part(int msr, int trueMsr, Map<String, Integer> bits) {}

    private static final int TERTIARY = 0x492;
    private static final List<String> ALWAYS = List.of(
            "Basic VMX Information",
            "pin-based controls",
            "primary processor-based controls",
            "VM-Exit controls",
            "VM-Entry controls");

    private final String file;
    private final Map<String, Part> parts = table();
    private final Map<Integer, Long> msrs = new LinkedHashMap<>();
    private final List<String> notUnderstood = new ArrayList<>();
    private Part part;
    private int number;

    /** @throws NestboxException for a line that cannot be read, with file, line and field */
    VmxcapText(String file, List<String> lines) {
        this.file = file;
        for (String line : lines) {
            number++;
            if (!line.isBlank()) {
                line(line);
            }
        }
    }

    /**
     * Refuses a text that has been cut.
     *
     * @throws NestboxException that names the part which is missing
     */
    void needWhole() {
        for (String title : ALWAYS) {
            if (!msrs.containsKey(parts.get(title).msr())) {
                throw new NestboxException(
                        file, "not the whole text of vmxcap: '" + title + "' is missing, which it always has");
            }
        }
    }

    /** Whether a line is the title that such a text begins with. */
    static boolean recognizes(String line) {
        return line.equals("Basic VMX Information") || line.equals("pin-based controls");
    }

    /** Capability registers by index. */
    Map<Integer, Long> msrs() {
        return msrs;
    }

    List<String> notUnderstood() {
        return notUnderstood;
    }

    private void line(String line) {
        if (!line.startsWith(" ")) {
            part = parts.get(line.strip());
            if (part == null) {
                notUnderstood.add("line " + number + ": " + line.strip());
            } else {
                msrs.putIfAbsent(part.msr(), 0L);
            }
            return;
        }
        String text = line.strip();
        if (part == null) {
            notUnderstood.add("line " + number + ": " + text);
        } else if (part.bits().isEmpty()) {
            whole(text);
        } else {
            control(text);
        }
    }

    private void whole(String text) {
        if (text.startsWith("Hex:")) {
            String value = text.substring(4).strip();
            if (!value.matches("0x[0-9a-fA-F]{1,16}")) {
                throw error("Hex", value, "is no hexadecimal number of up to 16 digits");
            }
            msrs.put(part.msr(), Long.parseUnsignedLong(value.substring(2), 16));
        }
    }

    private void control(String text) {
        int space = part.bits().containsKey(text) ? text.length() : text.lastIndexOf(' ');
        String label = space < 0 ? "" : text.substring(0, space).strip();
        String setting = text.substring(Math.min(space + 1, text.length()));
        boolean one = switch (setting) {
            case "yes", "default", "forced" -> true;
            case "no" -> false;
            default -> throw error(label, setting, "is none of yes, no, default, forced");
        };
        Integer bit = part.bits().get(label);
        if (bit == null) {
            notUnderstood.add("line " + number + ": " + label);
            return;
        }
        boolean forced = setting.equals("forced");
        long mask = 1L << bit;
        if (part.trueMsr() < 0 && part.msr() == TERTIARY) {
            set(part.msr(), one ? mask : 0);
            return;
        }
        set(part.msr(), (one ? mask << 32 : 0) | (forced || setting.equals("default") ? mask : 0));
        if (part.trueMsr() >= 0) {
            set(part.trueMsr(), (one ? mask << 32 : 0) | (forced ? mask : 0));
        }
    }

    private void set(int msr, long bits) {
        msrs.merge(msr, bits, (a, b) -> a | b);
    }

    private NestboxException error(String field, String text, String why) {
        return new NestboxException(file, "line " + number + ": " + field + ": '" + text + "' " + why);
    }

    private static Map<String, Part> table() {
        Map<String, Part> parts = new HashMap<>();
        Part part = null;
        for (String line : resource().lines().toList()) {
            if (line.startsWith("[")) {
                String[] registers = line.substring(1, line.indexOf(']')).split(" ");
                int trueMsr = registers.length > 1 ? Integer.parseInt(registers[1], 16) : -1;
                part = new Part(Integer.parseInt(registers[0], 16), trueMsr, new HashMap<>());
                parts.put(line.substring(line.indexOf(']') + 1).strip(), part);
            } else if (part != null && !line.isBlank() && !line.startsWith("#")) {
                int space = line.indexOf(' ');
                part.bits().put(line.substring(space + 1).strip(), Integer.parseInt(line.substring(0, space)));
            }
        }
        return parts;
    }

    private static String resource() {
        try (InputStream in = VmxcapText.class.getResourceAsStream("/nestbox/x86/cpu/vmxcap.tbl")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
