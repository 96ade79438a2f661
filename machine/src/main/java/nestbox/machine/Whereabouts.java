package nestbox.machine;

import nestbox.x86.Cpu;
import nestbox.x86.GuestFault;
import nestbox.x86.Reg;

/** Says for the user where a processor stands: CS:RIP, mode, the bytes there. Reading it may set accessed bits, no more. */
public final class Whereabouts {
    private static final int BYTES = 15;

    private Whereabouts() {}

    public static String of(Cpu cpu) {
        return String.format(
                "cpu %d %04x:%0" + (cpu.mode64() ? 16 : 8) + "x %s bytes%s",
                cpu.id,
                cpu.selector[Reg.CS],
                cpu.rip,
                mode(cpu),
                bytes(cpu));
    }

    private static String mode(Cpu cpu) {
        if (!cpu.protectedMode()) {
            return "real mode";
        }
        if (cpu.virtual8086()) {
            return "virtual-8086 mode";
        }
        String mode = cpu.longMode() && !cpu.mode64() ? "compatibility mode " : "";
        return mode + cpu.codeSize + "-bit CPL " + cpu.cpl;
    }

    private static String bytes(Cpu cpu) {
        StringBuilder text = new StringBuilder();
        long linear = cpu.codeLinear();
        for (int i = 0; i < BYTES; i++) {
            try {
                long physical = cpu.mem.port().fetch(cpu.wrapCode(linear, i));
                text.append(String.format(" %02x", cpu.mem.port().codeByte(physical)));
            } catch (GuestFault fault) {
                text.append(i == 0 ? " (not readable)" : "");
                break;
            }
        }
        return text.toString();
    }
}
