#include "daemon/command.h"

int main(int argc, char **argv)
{
    return gw_command_run(argc, argv);
}
