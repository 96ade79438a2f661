package nestbox.vmx.silicon;

import java.util.Arrays;
import java.util.Random;
import nestbox.vmx.VmxModel;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.model.CpuModel;

/** Random fields that software may write, and values near the boundaries of the checks. */
final class VmxFieldChoice {
    private final VmcsField[] fields;

    VmxFieldChoice(CpuModel cpu) {
        VmxModel model = VmxModel.of(cpu);
        fields = Arrays.stream(VmcsField.values())
                .filter(field -> model.has(field) && field.group() != VmcsField.Group.READ_ONLY)
                .toArray(VmcsField[]::new);
    }

    VmcsField field(Random random) {
        return fields[random.nextInt(fields.length)];
    }

    long value(Random random) {
        long bit = 1L << random.nextInt(32);
        return switch (random.nextInt(4)) {
            case 0 -> bit;
            case 1 -> ~bit & 0xffffffffL;
            case 2 -> random.nextInt(16);
            default -> random.nextInt() & 0xffffffffL;
        };
    }
}
