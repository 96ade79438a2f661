package nestbox.modules;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.File;
import java.lang.reflect.Constructor;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.List;
import nestbox.machine.Outcome;
import nestbox.machine.load.ImageFile;
import nestbox.x86.insn.Asm;
import org.junit.jupiter.api.Test;

/** A laboratory without modules of the user's own starts without Guice, as the command does. */
class WithoutGuiceTest {
    /** Loads Nestbox anew, in a world without Guice. */
    private static final class World extends URLClassLoader {
        World(URL[] path) {
            super(path, ClassLoader.getPlatformClassLoader());
        }

        @Override
        protected Class<?> findClass(String name) throws ClassNotFoundException {
            if (name.startsWith("com.google.inject.")) {
                throw new ClassNotFoundException(name);
            }
            return super.findClass(name);
        }
    }

    /** What runs in it. */
    static final class EveryMode implements Runnable {
        private static final String SOURCE =
                "dd 0x1badb002, 0x10000, 0xe4514ffe\n" + "dd 0x100000, 0x100000, 0, 0, start\nstart: out 0xf4, eax";

        @Override
        public void run() {
            for (L0Mode l0 : L0Mode.values()) {
                Nestbox lab =
                        Nestbox.create(NestboxConfiguration.builder().l0(l0).build());
                lab.load(new ImageFile("image", Asm.assemble(32, 0x100000, SOURCE)), "");
                if (lab.run(1000).kind() != Outcome.Kind.DEBUG_EXIT) {
                    throw new AssertionError(l0);
                }
            }
        }
    }

    @Test
    void everyModeRuns() throws Exception {
        List<URL> path = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            path.add(new File(entry).toURI().toURL());
        }
        try (World world = new World(path.toArray(URL[]::new))) {
            Constructor<?> constructor =
                    world.loadClass(EveryMode.class.getName()).getDeclaredConstructor();
            constructor.setAccessible(true);
            ((Runnable) constructor.newInstance()).run();
            assertThatThrownBy(() -> world.loadClass(Wiring.class.getName()).getDeclaredMethods())
                    .isInstanceOf(NoClassDefFoundError.class);
        }
    }
}
