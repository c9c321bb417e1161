/*
 * What TensorFlow Lite Micro wants of the platform: a log. Error strings are compiled out, so that
 * nothing is ever said; C, because the parameters differ between versions.
 */
void DebugLog(const char *format, ...);
int DebugLogVsnprintf(char *buffer, unsigned size, const char *format, ...);

void DebugLog(const char *format, ...)
{
    (void)format;
}

int DebugLogVsnprintf(char *buffer, unsigned size, const char *format, ...)
{
    (void)format;
    if (size > 0) {
        buffer[0] = '\0';
    }
    return 0;
}
