package nestbox.l0;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.machine.Outcome;
import nestbox.machine.load.ImageFile;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;
import nestbox.modules.NestboxModule;

/** A run under L0 that is saved and restored around L2's life: as a machine, and as KVM's nested state. */
final class Moves {
    private static final long LIMIT = 1_000_000;
    /** A prime, so that moves meet each instruction of a loop. */
    private static final int STRIDE = 5;

    private static final int MACHINES = 12;
    private static final int MOST = 400;

    private final NestboxConfiguration configuration;
    private final ImageFile image;
    private final ByteArrayOutputStream serial = new ByteArrayOutputStream();
    private Nestbox lab;

    Moves(NestboxConfiguration configuration, ImageFile image) {
        this.configuration = configuration;
        this.image = image;
        lab = create();
        assertThat(run()).isTrue();
    }

    private Nestbox create() {
        Nestbox created = Nestbox.create(configuration, new NestboxModule() {
            @Override
            protected void configure() {
                serial(serial);
            }
        });
        created.load(image, "");
        return created;
    }

    /** The machine on which the run ended. */
    Nestbox lab() {
        return lab;
    }

    String printed() {
        return serial.toString(StandardCharsets.ISO_8859_1);
    }

    private Vcpu vcpu() {
        return lab.hypervisor().orElseThrow().vcpus().get(0);
    }

    private boolean run() {
        for (int i = 0; !vcpu().guestMode(); i++) {
            assertThat(i).as("L2 runs some time").isLessThan(20_000);
            if (lab.run(1).kind() != Outcome.Kind.LIMIT) {
                return true;
            }
        }
        for (int i = 0, machines = 0; i < MOST; i++) {
            replaceNestedState();
            if (i % STRIDE == 0 && machines < MACHINES) {
                machines++;
                move();
            }
            if (lab.run(1).kind() != Outcome.Kind.LIMIT) {
                return true;
            }
        }
        return lab.run(LIMIT).kind() != Outcome.Kind.LIMIT;
    }

    /** KVM_SET_NESTED_STATE, and KVM_SET_VCPU_EVENTS, which has the events that are on their way. */
    private void replaceNestedState() {
        byte[] state = vcpu().nestedState().toBytes();
        StateWriter events = new StateWriter();
        vcpu().injection().save(events);
        vcpu().setNestedState(NestedState.parse(state));
        vcpu().injection().restore(new StateReader(events.toByteArray()));
        assertThat(vcpu().nestedState().toBytes()).isEqualTo(state);
    }

    private void move() {
        StateWriter out = new StateWriter();
        lab.machine().save(out);
        lab = create();
        lab.machine().restore(new StateReader(out.toByteArray()));
    }
}
